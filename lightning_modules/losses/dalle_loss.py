"""The loss of DALL·E: the one place where its terms are summed.

Shape legend: B images, N captions, R captions to draw from, P positions of the grid of codes, K codes.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.losses.longest_captions import longest_captions
from lightning_modules.losses.loss_report import LossReport
from lightning_modules.schedules import Schedule, as_schedule
from utils.distributed import mean_of_batch
from utils.require import require

DrawFrom = Literal["longest", "random", "all"]
TERMS = ("caption", "image", "caption_alone", "image_alone")


class SegmentNats(NamedTuple):
    """−log p of captions or of images in nats, summed over their tokens: words or codes.

    Attributes:
        nats_N: Of each.
        smoothed_N: With smoothed labels, which the optimizer minimises; the same tensor without smoothing.
        num_tokens_N: Tokens of each that were predicted.
    """

    nats_N: Tensor
    smoothed_N: Tensor
    num_tokens_N: Tensor


class DALLELoss(nn.Module):
    """Σ weight · term, of each sample, averaged over the batch: captions of images, and images of captions.

    `caption_alone` and `image_alone` are of first segments, p(w) and p(codes), which only a causal condition predicts.
    The batch is that of all processes together (see `mean_of_batch`), so each of them must compute the loss. Each
    weight is a number or a schedule over training steps; a weight of 0 saves the time of its term.

    With `per=token`, a causal condition, learned padding, no null share and the weights 0, 7/8, 1/8 and 0 it is the
    loss of DALL-E (Ramesh et al. 2021, section 2.2).

    Args:
        caption_weight: Of −log p(w | codes).
        image_weight: Of −log p(codes | w).
        caption_alone_weight: Of −log p(w).
        image_alone_weight: Of −log p(codes).
        per: `sample`: nats of a caption or image. `token`: divided by the mean number of its tokens.
        null_share: Share of the captions to draw from whose words are left out in training, so that guidance has a
            p(codes) to start from (Ho and Salimans 2021).
        draw_from: From which of its captions in the batch a training image is drawn: the `longest`, one at `random`, or
            `all`.
        label_smoothing: ε of the caption term (see `caption_cross_entropy`).

    Raises:
        ValueError: A setting is out of its range, or no term is left.
    """

    def __init__(
        self,
        *,
        caption_weight: float | Schedule = 1.0,
        image_weight: float | Schedule = 0.25,
        caption_alone_weight: float | Schedule = 0.0,
        image_alone_weight: float | Schedule = 0.0,
        per: Literal["sample", "token"] = "sample",
        null_share: float = 0.1,
        draw_from: DrawFrom = "longest",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        require(per in ("sample", "token"), "model.loss.per", "sample or token", per)
        require(draw_from in get_args(DrawFrom), "model.loss.draw_from", "longest, random or all", draw_from)
        require(0 <= null_share <= 1, "model.loss.null_share", "at least 0 and at most 1", null_share)
        require(0 <= label_smoothing < 1, "model.loss.label_smoothing", "at least 0 and below 1", label_smoothing)
        given = (caption_weight, image_weight, caption_alone_weight, image_alone_weight)
        self.weights = {name: as_schedule(weight) for name, weight in zip(TERMS, given, strict=True) if weight != 0}
        if not self.weights:
            raise ValueError("model.loss: all weights are 0, so that nothing would be trained; set caption_weight=1")
        self.per = per
        self.null_share = null_share
        self.draw_from = draw_from
        self.label_smoothing = label_smoothing

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms that enter the loss."""
        return (*self.weights,)

    def has(self, *terms: str) -> bool:
        """Return whether one of these terms enters the loss."""
        return any(term in self.weights for term in terms)

    def drawn(self, num_words_N: Tensor, image_of_caption_N: Tensor) -> Tensor:
        """Return the rows of the captions that a training step draws from: [R]."""
        if self.draw_from == "all":
            return torch.arange(len(num_words_N), device=num_words_N.device)
        if self.draw_from == "random":  # the longest by a random length
            num_words_N = torch.rand(num_words_N.shape).to(num_words_N.device)
        return longest_captions(num_words_N, image_of_caption_N)

    def is_null(self, num: int) -> Tensor:
        """Choose the captions to draw from whose words are left out in a training step: [R]."""
        return torch.rand(num) < self.null_share

    def forward(self, terms: Mapping[str, SegmentNats], step: int) -> LossReport:
        """Return the loss of a batch as it counts at training step `step`, from its `terms` by name."""
        return self.report(mean_of_batch(self.samples(terms)), step)

    def samples(self, terms: Mapping[str, SegmentNats]) -> dict[str, Tensor]:
        """Return all that is averaged, by name, of terms and, in evaluation, of `image_null`.

        That is −log p(codes | the caption without a word), which does not enter the loss.
        """
        samples: dict[str, Tensor] = {}
        for name, term in terms.items():
            samples[name] = term.nats_N
            if self.label_smoothing and name.startswith("caption"):
                samples[f"{name}_smoothed"] = term.smoothed_N
            if self.per == "token" and name in self.weights:
                samples[f"{name}_tokens"] = term.num_tokens_N.to(term.nats_N.dtype)
        return samples

    def evaluated_names(self) -> tuple[str, ...]:
        """Return the names of the `samples` in evaluation."""
        names = (*self.terms, *(["image_null"] if self.has("image") else []))
        return (*self.samples(dict.fromkeys(names, SegmentNats(*[torch.empty(0)] * 3))),)

    def report(self, mean: Mapping[str, Tensor], step: int) -> LossReport:
        """Return the loss as it counts at training step `step`, from the means of the `samples` over any of them."""
        weights = {name: weight(step) for name, weight in self.weights.items()}
        nats = {name: mean[name] for name in weights}
        contributions = {
            name: weight * mean.get(f"{name}_smoothed", mean[name]) / mean.get(f"{name}_tokens", 1.0)
            for name, weight in weights.items()
        }
        if "image_null" in mean:
            nats["image_information"] = mean["image_null"] - mean["image"]  # what captions tell of their images
        return LossReport.of(nats, contributions, weights)


def code_cross_entropy(logits_BPK: Tensor, codes_BP: Tensor) -> SegmentNats:
    """Return −log p(codes) of each image, of the distributions that predict its codes."""
    nats_BP = cross_entropy(logits_BPK.float().flatten(0, 1), codes_BP.flatten(), reduction="none").view_as(codes_BP)
    nats_B = nats_BP.sum(dim=1)
    return SegmentNats(nats_B, nats_B, torch.full_like(nats_B, codes_BP.shape[1]))
