"""One image in several styles, with the words that change.

Shape legend: S style, K values.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from torch import Tensor

from lightning_modules import CaptioningModule
from lightning_modules.exploration import busiest_dimensions
from lightning_modules.generation import Greedy, traverse_style
from lightning_modules.results.explained_captions import ExplainedCaption, explained_captions
from pictures.changed_words import changed_words

NUM_DIMENSIONS = 2
VALUES = (-3.0, -1.5, 0.0, 1.5, 3.0)
"""In standard deviations of the prior of the image's style, from its mean."""


class StyledCaption(NamedTuple):
    """A caption in a style.

    Attributes:
        value: What the dimension is set to (see `VALUES`).
        explained: The caption.
        changed: Which of its words, from 0, the caption in the image's own style has not.
    """

    value: float
    explained: ExplainedCaption
    changed: Collection[int]


class StyleTraversal(NamedTuple):
    """The captions of an image along one dimension of its style.

    Attributes:
        dimension: Which, from 0.
        captions: One for each value.
    """

    dimension: int
    captions: Sequence[StyledCaption]


class ImageStyles(NamedTuple):
    """What an image's style does to its caption.

    Attributes:
        own: The caption in the image's own style.
        traversals: Those along its busiest dimensions.
    """

    own: ExplainedCaption
    traversals: Sequence[StyleTraversal]


def dimensions_of_captions(captioner: CaptioningModule, features_1PD: Tensor, captions: Sequence[str]) -> list[int]:
    """Return the dimensions of the style that carry most of an image's captions (see `busiest_dimensions`)."""
    style = captioner.latents_of_captions(features_1PD, [captions], latent_scale=0).style
    return busiest_dimensions(style.kl_of_dimensions.mean(dim=0), NUM_DIMENSIONS)


def traverse_styles(captioner: CaptioningModule, image_3HW: Tensor, captions: Sequence[str]) -> ImageStyles:
    """Generate captions of an image greedily in its own style, and along the dimensions that carry `captions`.

    Args:
        captioner: A captioner with latents.
        image_3HW: `uint8`.
        captions: What the model generates for the image.
    """
    features_1PD = captioner.encode(image_3HW[None].to(captioner.device))
    dimensions = dimensions_of_captions(captioner, features_1PD, captions)
    style = captioner.sample_latents(features_1PD).style
    prior = style.prior.as_gaussian()
    own = _explain_in(captioner, features_1PD, style.sample)[0]
    own_words = [word.text for word in own.words]
    traversals = []
    for dimension in dimensions:
        style_KS = traverse_style(style.sample, dimension, VALUES, prior=prior)
        styled = [
            StyledCaption(value, explained, changed_words(own_words, [word.text for word in explained.words]))
            for value, explained in zip(VALUES, _explain_in(captioner, features_1PD, style_KS), strict=True)
        ]
        traversals.append(StyleTraversal(dimension, styled))
    return ImageStyles(own, traversals)


def _explain_in(captioner: CaptioningModule, features_1PD: Tensor, style_KS: Tensor) -> list[ExplainedCaption]:
    """Return an image's greedy caption in each style, explained."""
    strategy = Greedy(max_length=captioner.tokenizer.max_length)
    generated = captioner.generate(features_1PD, strategy, style_NS=style_KS)
    return explained_captions(captioner, features_1PD, generated)[0]
