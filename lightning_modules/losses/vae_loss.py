"""The VAE-loss: the one place where its terms are summed.

Shape legend: N captions, R reconstructed captions, Z latent dimensions.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.losses.consensus_weights import ConsensusWeights
from lightning_modules.losses.loss_report import LossReport
from lightning_modules.losses.loss_term import NetworkWidths, WeightedTerm
from lightning_modules.losses.terms import free_bits
from lightning_modules.schedules import Schedule, as_schedule
from utils.distributed import mean_of_batch
from utils.require import require


class LossTerms(NamedTuple):
    """The raw terms in nats, before any weight.

    Attributes:
        caption_N: −log p(w | S, C) of each caption.
        smoothed_N: The same with smoothed labels, which the loss takes; the same tensor without.
        reconstruction_R: −log p(I | ŵ) of each reconstructed image; None without image decoder.
        kl_style_NZ: KL of the style posterior from its prior, by dimension.
        kl_content_NZ: KL of the content posterior from its prior, by dimension.
        extra: What further terms are of each caption, [N] each, by name.
        weights_N: How much each caption counts, 1 on average; None where they count alike.
    """

    caption_N: Tensor
    smoothed_N: Tensor
    reconstruction_R: Tensor | None
    kl_style_NZ: Tensor
    kl_content_NZ: Tensor
    extra: Mapping[str, Tensor] = MappingProxyType({})
    weights_N: Tensor | None = None


OWN_NAMES = {
    *("caption", "smoothed", "weighted", "consensus", "reconstruction"),
    *("kl", "kl_style", "kl_content", "beta", "gamma"),
}


class VAELoss(nn.Module):
    """caption + λ · reconstruction + k · (β · KL style + γ · KL content) + Σ weight · further term.

    In nats per sample, averaged over the batch.

    The batch is that of all processes together (see `mean_of_batch`), so each of them must compute the loss.
    Each weight is a number or a schedule over training steps (see `lightning_modules.schedules`).

    Args:
        reconstruction_weight: λ.
        reconstructed_share: Share of a training batch's images that are reconstructed, above 0 and at most 1; each
            costs the time of the image decoder.
        beta: β, the weight of style (Higgins et al. 2017).
        gamma: γ, the weight of content.
        kl_loss_weight: k, the weight of both.
        style_free_bits: Nats that each dimension of S may carry at no cost: a number or a schedule. A KL without parts
            comes in equal shares: as many are free in all dimensions together.
        content_free_bits: The same of C.
        label_smoothing: ε of the caption term (see `caption_cross_entropy`).
        weights: How much each caption of an image counts in the caption term of training; None for alike. Nats are
            logged without them.
        terms: Further terms by name, each with its weight.
        widths: Those of the network, for terms with parameters; None where no term has any.

    Raises:
        ValueError: Free bits are negative, ε is not in [0, 1), the share not in (0, 1], or a further term has the name
            of one that is there.
    """

    def __init__(
        self,
        *,
        reconstruction_weight: float | Schedule,
        reconstructed_share: float = 1.0,
        beta: float | Schedule,
        gamma: float | Schedule,
        kl_loss_weight: float | Schedule,
        style_free_bits: float | Schedule = 0.0,
        content_free_bits: float | Schedule = 0.0,
        label_smoothing: float = 0.0,
        weights: ConsensusWeights | None = None,
        terms: Mapping[str, WeightedTerm] | None = None,
        widths: NetworkWidths | None = None,
    ) -> None:
        super().__init__()
        self.reconstruction_weight = as_schedule(reconstruction_weight)
        require(
            0 < reconstructed_share <= 1, "model.loss.reconstructed_share", "above 0 and at most 1", reconstructed_share
        )
        self.reconstructed_share = reconstructed_share
        self.beta = as_schedule(beta)
        self.gamma = as_schedule(gamma)
        self.kl_loss_weight = as_schedule(kl_loss_weight)
        self.style_free_bits = _free_bits(style_free_bits)
        self.content_free_bits = _free_bits(content_free_bits)
        require(0 <= label_smoothing < 1, "model.loss.label_smoothing", "at least 0 and below 1", label_smoothing)
        self.label_smoothing = label_smoothing
        self.caption_weights = weights or None  # no settings, {}, are none
        terms = terms or {}
        if taken := OWN_NAMES & terms.keys():
            raise ValueError(f"model.loss.terms: {', '.join(taken)} is a term of the VAE-loss; choose another name")
        self.terms = nn.ModuleDict({name: weighted.build(widths) for name, weighted in terms.items()})
        self.weights = {name: as_schedule(weighted.weight) for name, weighted in terms.items()}

    def forward(self, terms: LossTerms, step: int) -> LossReport:
        """Return the loss of a batch as it counts at training step `step`."""
        return self.report(mean_of_batch(self.samples(terms)), step)

    def report(self, mean: Mapping[str, Tensor], step: int) -> LossReport:
        """Return the loss as it counts at training step `step`, from the means of the `samples` over any set of them.

        Bits are free of the mean, so that the loss of a split is not the mean of its batches' losses.
        """
        weights = {
            "reconstruction": self.reconstruction_weight(step),
            "beta": self.beta(step),
            "gamma": self.gamma(step),
            "kl": self.kl_loss_weight(step),
            **{name: weight(step) for name, weight in self.weights.items()},
        }
        smoothed = mean["smoothed"]
        if self.caption_weights is not None:
            weights["consensus"] = self.caption_weights.share(step)
            smoothed = smoothed.lerp(mean["weighted"], weights["consensus"])
        nats = {name: mean[name] for name in ("caption", "kl_style", "kl_content")}
        style = free_bits(mean["style_Z"], self.style_free_bits(step)) if self.style_free_bits else mean["kl_style"]
        content = (
            free_bits(mean["content_Z"], self.content_free_bits(step)) if self.content_free_bits else mean["kl_content"]
        )
        contributions = {
            "caption": smoothed,
            "kl_style": weights["kl"] * weights["beta"] * style,
            "kl_content": weights["kl"] * weights["gamma"] * content,
        }
        if "reconstruction" in mean:
            nats["reconstruction"] = mean["reconstruction"]
            contributions["reconstruction"] = weights["reconstruction"] * nats["reconstruction"]
        for name in self.terms:
            nats[name] = mean[name]
            contributions[name] = weights[name] * nats[name]
        return LossReport.of(nats, contributions, weights)

    def num_reconstructed(self, num_images: int) -> int:
        """Return how many images of a training batch are reconstructed; at least one of any."""
        return math.ceil(self.reconstructed_share * num_images)

    def extra_terms(self, output: Any) -> dict[str, Tensor]:
        """Return what each further term makes of what the network computed, in nats of each caption: [N] each."""
        return {name: term(output) for name, term in self.terms.items()}

    def names(self, *, reconstructs: bool) -> tuple[str, ...]:
        """Return the names of the `samples` where images are reconstructed, or are not."""
        none_N, none_NZ = torch.empty(0), torch.empty(0, 0)
        of_no_caption = LossTerms(
            caption_N=none_N,
            smoothed_N=none_N,
            reconstruction_R=none_N if reconstructs else None,
            kl_style_NZ=none_NZ,
            kl_content_NZ=none_NZ,
            extra=dict.fromkeys(self.terms, none_N),
        )
        return (*self.samples(of_no_caption),)

    def samples(self, terms: LossTerms) -> dict[str, Tensor]:
        """Return all that is averaged: terms of each sample, and where bits are free each dimension.

        Which there are depends on the settings, and on whether images are reconstructed, alone.
        """
        samples = {
            "caption": terms.caption_N,
            "smoothed": terms.smoothed_N,
            "kl_style": terms.kl_style_NZ.sum(dim=1),
            "kl_content": terms.kl_content_NZ.sum(dim=1),
        }
        if self.caption_weights is not None:
            samples["weighted"] = terms.smoothed_N
            if terms.weights_N is not None:  # there are none in validation
                samples["weighted"] = terms.smoothed_N * terms.weights_N
        if terms.reconstruction_R is not None:
            samples["reconstruction"] = terms.reconstruction_R
        samples |= terms.extra
        if self.style_free_bits:
            samples["style_Z"] = terms.kl_style_NZ
        if self.content_free_bits:
            samples["content_Z"] = terms.kl_content_NZ
        return samples


def _free_bits(nats: float | Schedule) -> Schedule | None:
    """Return the nats that are free in a dimension as a schedule; None for 0 throughout."""
    if isinstance(nats, int | float) and nats < 0:
        raise ValueError(
            f"model.loss.style_free_bits and content_free_bits are nats a dimension, 0 or more; got {nats}"
        )
    return as_schedule(nats) if nats else None
