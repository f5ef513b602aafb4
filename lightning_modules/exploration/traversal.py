"""Captions as one dimension of the style is changed at a time.

Shape legend: B images, P positions, D features, S style.
"""

from collections.abc import Sequence

from torch import Tensor

from lightning_modules.base import CaptioningModule, GeneratedBatch
from lightning_modules.generation import Greedy, traverse_style


def busiest_dimensions(kl_S: Tensor, num: int) -> list[int]:
    """Return the dimensions of the style that carry most of the captions, falling: those of the highest KL.

    Args:
        kl_S: The mean of `style.kl_of_dimensions` over captions.
        num: How many at most.
    """
    return kl_S.argsort(descending=True)[:num].tolist()


def traverse(
    captioner: CaptioningModule,
    features_BPD: Tensor,
    *,
    dimensions: Sequence[int],
    values: Sequence[float],
    max_length: int,
) -> list[GeneratedBatch]:
    """Set each of some dimensions of the style to each of some values, and generate captions greedily.

    Args:
        captioner: A model with latents.
        features_BPD: See `CaptioningModule.encode`.
        dimensions: Which, from 0.
        values: In standard deviations of each image's prior, from its mean.
        max_length: Most tokens of a caption.

    Returns:
        For each dimension the captions of each image, one a value.
    """
    own = captioner.sample_latents(features_BPD).style
    prior = own.prior.as_gaussian()
    return [
        captioner.generate(
            features_BPD,
            Greedy(max_length=max_length),
            style_NS=traverse_style(own.sample, dimension, values, prior=prior),
        )
        for dimension in dimensions
    ]
