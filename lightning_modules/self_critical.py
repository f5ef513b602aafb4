"""Self-critical sequence training: captions are drawn, scored as papers score them, and the better ones made likelier.

Shape legend: B images, N captions, image by image, K captions of an image, P grid positions, D feature width, L tokens.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import CaptionBatch
from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules.generation import Greedy, Sample, allowed_words
from lightning_modules.inference import GeneratedBatch
from lightning_modules.networks.latents import Given, Latents
from metrics import DocumentFrequencies, PairedCaptions, cider_d, ptb_tokenize, sentence_bleu
from metrics.bleu import bleu_statistics
from metrics.ngrams import Floats, Tokens
from utils.distributed import mean_of_batch

if TYPE_CHECKING:
    from lightning_modules.variational_captioner import VariationalCaptioner

BLEU_4 = 3  # its column in `sentence_bleu`
END = "<eos>"  # is a word of rewards: captions that break off would otherwise lose nothing by it


class SelfCriticalReport(NamedTuple):
    """What a step of self-critical training computes.

    Attributes:
        loss: What the optimizer minimises.
        logged: Figures by name: mean reward and its parts, over the captions of all processes, and the time that
            drawing and rewards took on this one.
    """

    loss: Tensor
    logged: dict[str, Tensor | float]


class SelfCritical:
    """Policy gradient on CIDEr-D, by captions drawn from latents and words (Rennie et al. 2017).

    The end of a caption counts as a word in rewards. A caption's advantage is its reward less that of a baseline: the
    mean of the image's other captions (Luo 2020), or the greedy caption. The loss is −E[advantage · log P(caption |
    codes)] per caption, the mean over those of all processes, where P is the distribution that captions are drawn from:
    with the temperature, and without what is never said.

    Args:
        num: Captions drawn of each image.
        temperature: Divides the logits that words are drawn from.
        latent_scale: Multiplies the standard deviations that codes are drawn with; 0 takes their means.
        baseline: `leave_one_out` or `greedy`.
        bleu_weight: Weight of sentence BLEU-4 in the reward, beside CIDEr-D's 1.
        diversity_weight: A caption's reward loses that times its mean CIDEr-D with the image's other captions: trades
            reward for diversity.
        max_length: Most tokens of a caption, `<eos>` included.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        *,
        num: int = 5,
        temperature: float = 1.0,
        latent_scale: float = 1.0,
        baseline: Literal["leave_one_out", "greedy"] = "leave_one_out",
        bleu_weight: float = 0.0,
        diversity_weight: float = 0.0,
        max_length: int = 22,
    ) -> None:
        if baseline not in ("leave_one_out", "greedy"):
            raise ValueError(f"model.self_critical.baseline must be leave_one_out or greedy, got {baseline}")
        if num < 2 and (baseline == "leave_one_out" or diversity_weight):
            raise ValueError(
                f"model.self_critical.num must be at least 2 to compare an image's captions, got {num}; draw more, or "
                f"choose baseline=greedy without diversity_weight"
            )
        for name, weight in (("bleu_weight", bleu_weight), ("diversity_weight", diversity_weight)):
            if weight < 0:
                raise ValueError(f"model.self_critical.{name} must be 0 or more, got {weight}")
        self.sample = Sample(num=num, temperature=temperature, latent_scale=latent_scale, max_length=max_length)
        self.greedy = Greedy(max_length=max_length) if baseline == "greedy" else None
        self.bleu_weight = bleu_weight
        self.diversity_weight = diversity_weight

    def __call__(
        self,
        captioner: "VariationalCaptioner",
        features_BPD: Tensor,
        batch: CaptionBatch,
        frequencies: DocumentFrequencies,
    ) -> SelfCriticalReport:
        """Draw captions, score them, and return the loss.

        Args:
            captioner: The captioner in training.
            features_BPD: The images as the encoder sees them.
            batch: Their references.
            frequencies: Document frequencies of CIDEr-D, of the training captions.
        """
        start = time.perf_counter()
        generated, greedy = self._generate(captioner, features_BPD)
        sampled = time.perf_counter()
        references = [[to_words(caption) for caption in captions] for captions in batch.references]
        reward_BK, parts = self._rewards(generated, references, frequencies)
        if greedy is None:
            num = reward_BK.shape[1]
            baseline_BK = (reward_BK.sum(axis=1, keepdims=True) - reward_BK) / (num - 1)
        else:
            baseline_BK, _ = self._rewards(greedy, references, frequencies, alone=True)
        scored = time.perf_counter()
        advantage_N, reward_N, *part_N = (
            torch.from_numpy(values.reshape(-1)).float().to(features_BPD.device)
            for values in (reward_BK - baseline_BK, reward_BK, *parts.values())
        )
        log_probability_N = _log_probability(captioner, features_BPD, generated, self._as_sampled(captioner))
        mean = mean_of_batch(
            {"loss": -(advantage_N * log_probability_N), "reward": reward_N, **dict(zip(parts, part_N, strict=True))}
        )
        loss = mean.pop("loss")
        return SelfCriticalReport(
            loss, {**mean, "seconds/drawing": sampled - start, "seconds/rewards": scored - sampled}
        )

    def _as_sampled(self, captioner: "VariationalCaptioner") -> Callable[[Tensor, Tensor], Tensor]:
        """Return what makes the network's logits those of the distribution that words are drawn from."""
        special = captioner.tokenizer.vocabulary
        return lambda logits_WV, is_first_W: self.sample.filtered(allowed_words(logits_WV, special, is_first_W))

    @torch.no_grad()
    def _generate(
        self, captioner: "VariationalCaptioner", features_BPD: Tensor
    ) -> tuple[GeneratedBatch, GeneratedBatch | None]:
        """Draw captions, and say the greedy ones where they are the baseline; without dropout."""
        captioner.network.eval()
        generated = captioner.generate(features_BPD, self.sample)
        greedy = None if self.greedy is None else captioner.generate(features_BPD, self.greedy)
        captioner.network.train()
        return generated, greedy

    def _rewards(
        self,
        generated: GeneratedBatch,
        references: Sequence[Sequence[Tokens]],
        frequencies: DocumentFrequencies,
        *,
        alone: bool = False,
    ) -> tuple[Floats, dict[str, Floats]]:
        """Return the reward of each caption, `reward_BK`, and its parts, [N] each."""
        captions = [caption for of_image in generated.captions for caption in of_image]
        finished_N = generated.finished_N.tolist()
        flat = [to_words(caption, finished=whether) for caption, whether in zip(captions, finished_N, strict=True)]
        each = len(flat) // len(generated.captions)
        tokens = [flat[start : start + each] for start in range(0, len(flat), each)]
        image_of_candidate_N = np.repeat(np.arange(len(tokens)), len(tokens[0]))
        pairs = PairedCaptions(flat, references, image_of_candidate_N)
        cider_N = cider_d(pairs, frequencies)
        reward_N, parts = cider_N, {"CIDEr-D": cider_N}
        if self.bleu_weight:
            bleu_N = sentence_bleu(bleu_statistics(pairs))[:, BLEU_4]
            reward_N = reward_N + self.bleu_weight * bleu_N
            parts["BLEU-4"] = bleu_N
        if self.diversity_weight and not alone:
            similarity_N = _similarity(tokens, frequencies)
            reward_N = reward_N - self.diversity_weight * similarity_N
            parts["alike"] = similarity_N
        return reward_N.reshape(len(tokens), -1), parts


def _similarity(tokens: Sequence[Sequence[Tokens]], frequencies: DocumentFrequencies) -> Floats:
    """Return CIDEr-D of each caption against the others of its image: [N]."""
    captions = [caption for of_image in tokens for caption in of_image]
    others = [[*of_image[:place], *of_image[place + 1 :]] for of_image in tokens for place in range(len(of_image))]
    return cider_d(PairedCaptions(captions, others), frequencies)


def _log_probability(
    captioner: "VariationalCaptioner",
    features_BPD: Tensor,
    generated: GeneratedBatch,
    changed: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """Return log P of what was said, from the codes that it was said from, with gradients: [N]."""
    network = captioner.network
    each = len(generated.tokens_NL) // len(features_BPD)
    image_of_caption_N = torch.arange(len(features_BPD), device=features_BPD.device).repeat_interleave(each)
    latents: Latents = network.latents(
        features_BPD, image_of_caption_N, Given(generated.latents.style.sample), Given(generated.latents.content.sample)
    )
    return network.log_probability(latents, generated.tokens_NL, changed=changed)


def training_frequencies(datamodule: CaptionDataModule) -> DocumentFrequencies:
    """Return the document frequencies of the training captions, by which rewards are weighed."""
    captions = datamodule.splits["train"].captions
    return DocumentFrequencies.of([[to_words(caption) for caption in of_image] for of_image in captions])


def to_words(caption: str, *, finished: bool = True) -> Tokens:
    """Return a caption's tokens as rewards see them, its end among them if it has one."""
    return [*ptb_tokenize(caption), *([END] if finished else [])]
