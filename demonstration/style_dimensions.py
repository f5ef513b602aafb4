"""The dimensions of the style that matter, named by the words that they change, and styles that differ in them.

Shape legend: B images, S style, D dimensions that are shown.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from demonstration.answers import NUM_DIVERSE, TEMPERATURE, Picture, own_style
from demonstration.examples import Example
from evaluation.generate_split import EncodedBatch
from evaluation.style_words import compare_ends
from lightning_modules import CaptioningModule
from lightning_modules.exploration import busiest_dimensions
from lightning_modules.generation import Latent, traverse_style
from metrics import WordOdds
from utils.seeding import generators_of_images, image_digests

NUM_DIMENSIONS = 4
NUM_COMPARED = 8
NUM_WORDS = 3  # of each end in a name
FEW_WORDS = "changes few words"  # the name of a dimension that no word differs by, beyond chance
REACH = 3.0
"""How far sliders go, in standard deviations of the prior of the picture's style, from its mean."""

STEP = 0.1


class StyleDimension(NamedTuple):
    """A dimension of the style.

    Attributes:
        number: Which, from 0.
        name: What it changes: words that captions have at its lower end, and at its higher one.
    """

    number: int
    name: str


def has_style_dimensions(captioner: CaptioningModule) -> bool:
    """Return whether the style is numbers that can be changed one by one."""
    return captioner.has_latents and "style" not in captioner.discrete_latents


def name_dimensions(captioner: CaptioningModule, examples: Sequence[Example]) -> list[StyleDimension]:
    """Return the dimensions of the style that matter: of those that carry most, first those that change words.

    They are named by the words of the examples' greedy captions at both ends that differ by more than chance (see
    `compare_ends`).
    """
    images_BCHW = torch.stack([example.image_3HW for example in examples]).to(captioner.device)
    batch = EncodedBatch([*range(len(examples))], images_BCHW, captioner.encode(images_BCHW))
    length = captioner.tokenizer.max_length
    generators = generators_of_images(0, image_digests(images_BCHW))
    strategy = Latent(num=NUM_DIVERSE, temperature=TEMPERATURE, max_length=length)
    captions = captioner.generate(batch.features_BPD, strategy, generators=generators).captions
    kl_NS = captioner.latents_of_captions(batch.features_BPD, captions, latent_scale=0).style.kl_of_dimensions
    busiest = busiest_dimensions(kl_NS.mean(dim=0), NUM_COMPARED)
    compared = compare_ends(
        captioner,
        [batch],
        dimensions=busiest,
        ends=(-REACH, REACH),
        max_length=length,
        num_words=NUM_WORDS,
    )
    names = {words.dimension: _name(words.low, words.high) for words in compared if words.low or words.high}
    first = sorted(busiest, key=lambda number: number not in names)[:NUM_DIMENSIONS]
    return [StyleDimension(number, names.get(number, FEW_WORDS)) for number in first]


def _name(of_low: Sequence[WordOdds], of_high: Sequence[WordOdds]) -> str:
    low, high = (", ".join(f"“{ratio.word}”" for ratio in ratios) for ratios in (of_low, of_high))
    if low and high:
        return f"from {low} to {high}"
    return f"less {low}" if low else f"more {high}"


def positions_of(
    captioner: CaptioningModule, picture: Picture, dimensions: Sequence[StyleDimension]
) -> tuple[float, ...]:
    """Return where the picture's own style is in each dimension, within `REACH`, in whole `STEP`s."""
    style = own_style(captioner, picture)
    prior = style.prior.as_gaussian()
    place_S = ((style.sample - prior.mean) * torch.exp(-0.5 * prior.log_variance))[0].clamp(-REACH, REACH)
    return tuple(round(round(float(place_S[dimension.number]) / STEP) * STEP, 1) for dimension in dimensions)


def style_at(
    captioner: CaptioningModule,
    picture: Picture,
    dimensions: Sequence[StyleDimension],
    positions: Sequence[float],
) -> Tensor:
    """Return the picture's own style, with those dimensions changed that are not where it is: [1, S].

    Args:
        captioner: A model with latents.
        picture: Whose style.
        dimensions: Which.
        positions: Where each is to be (see `REACH`); what lies beyond is taken for the end.
    """
    style = own_style(captioner, picture)
    prior = style.prior.as_gaussian()
    style_1S = style.sample
    own = positions_of(captioner, picture, dimensions)
    for dimension, there, here in zip(dimensions, positions, own, strict=True):
        if abs(there - here) > STEP / 2:
            value = max(-REACH, min(REACH, there))
            style_1S = traverse_style(style_1S, dimension.number, [value], prior=prior)
    return style_1S
