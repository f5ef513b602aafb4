"""Captions that a model has generated, with what is known of each.

Shape legend: B images, N captions of all images, image by image, L tokens.
"""

from typing import NamedTuple, Protocol, Self

from torch import Tensor


class CaptionCodes(Protocol):
    """What captions were generated from, samples of each image side by side: `Latents`, or those of several models."""

    @property
    def num_samples(self) -> int:
        """How many samples there are, of all images."""
        ...

    def select(self, rows: Tensor) -> Self:
        """Return these samples, which stay in the order of their images, equally many of each."""
        ...


class GeneratedCaptions(NamedTuple):
    """The captions that were generated for one image.

    Attributes:
        captions: Best first where they were ranked.
        tokens_NL: The same as tokens, after the prefix, padded.
        log_probabilities: log P(caption | codes) of each in nats.
        scores: What they are ranked by.
        finished: Whether each came to its end; the others were cut.
        num_draws: As of a `GeneratedBatch`.
    """

    captions: list[str]
    tokens_NL: Tensor
    log_probabilities: list[float]
    scores: list[float]
    finished: list[bool]
    num_draws: int | None = None

    def first(self, num: int | None) -> "GeneratedCaptions":
        """Return the first `num` captions alone, or all."""
        captions, tokens_NL, nats, scores, finished, num_draws = self
        return GeneratedCaptions(captions[:num], tokens_NL[:num], nats[:num], scores[:num], finished[:num], num_draws)


class GeneratedBatch(NamedTuple):
    """Generated captions of a batch of images, equally many of each image.

    Attributes:
        captions: For each image its captions, the best first where the strategy ranks them.
        tokens_NL: The same as token ids, image by image; what `reconstruct` reads.
        log_probability_N: log P(caption | image) in nats, without any filter or penalty of the strategy's; for a model
            with latents log P(caption | S, C).
        score_N: What the strategy ranks by, the higher the better.
        finished_N: Whether the caption has come to its end; the others were cut.
        latents: What they were generated from, equally many samples of each image, and equally many captions from each
            of them: `Latents`, of an `Ensemble` its `MemberStarts`; None for a model without.
        num_draws_B: How many captions had to be generated for each image's, where the strategy selects some of them;
            None where all are here.
    """

    captions: list[list[str]]
    tokens_NL: Tensor
    log_probability_N: Tensor
    score_N: Tensor
    finished_N: Tensor
    latents: CaptionCodes | None = None
    num_draws_B: Tensor | None = None

    def by_image(self) -> list[GeneratedCaptions]:
        """Return the captions of each image by themselves, on the CPU."""
        parts = (
            part.unflatten(0, (len(self.captions), -1)).cpu()
            for part in (self.tokens_NL, self.log_probability_N, self.score_N, self.finished_N)
        )
        num_draws = [None] * len(self.captions) if self.num_draws_B is None else self.num_draws_B.tolist()
        return [
            GeneratedCaptions(captions, tokens_NL, nats_N.tolist(), score_N.tolist(), finished_N.tolist(), draws)
            for captions, tokens_NL, nats_N, score_N, finished_N, draws in zip(
                self.captions, *parts, num_draws, strict=True
            )
        ]
