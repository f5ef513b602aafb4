"""From options to the styles that captions are generated in.

Shape legend: B images, S style, K styles of each image.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from captioning.pipeline import CaptionPipeline, Styles
from lightning_modules.generation.style_edits import interpolate_styles, traverse_style
from lightning_modules.networks.latents import LatentCode

USUAL_VALUES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


class StyleChoice(NamedTuple):
    """Styles of each image, and what they are called.

    Attributes:
        styles: From the images' own styles to K for each.
        labels: K names.
    """

    styles: Styles
    labels: list[str]

    def repeated(self, sampling: int, captions: int) -> "StyleChoice":
        """Return the same for a strategy that makes `captions` captions of an image from `sampling` samples."""
        return StyleChoice(
            lambda own: self.styles(own).repeat_interleave(sampling, dim=0),
            [label for label in self.labels for _ in range(captions)],
        )


def check_styles(options: argparse.Namespace) -> None:
    """Raise a `ValueError` if options for styles contradict each other."""
    ways = {"--style-from": options.style_from, "--style": options.style, "--traverse": options.traverse}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)}: expected one of them; leave the others out")
    if options.style_caption is not None and options.style_from is None:
        raise ValueError("--style-caption: expected --style-from, the image that it describes; add it")
    if options.interpolate is not None and options.style_from is None:
        raise ValueError(f"--interpolate {options.interpolate}: expected --style-from, the style to go to; add it")
    if options.interpolate is not None and options.interpolate < 2:
        raise ValueError(f"--interpolate {options.interpolate}: expected at least 2 styles, the two ends")
    if options.values is not None and options.traverse is None:
        raise ValueError("--values: expected --traverse, the dimension that takes them; add it")
    if options.rank is not None and (options.interpolate is not None or options.traverse is not None):
        raise ValueError(
            f"--rank {options.rank}: expected captions of one style, for those of several stay in the order of their "
            f"styles; leave it out"
        )


def chosen_styles(options: argparse.Namespace, pipeline: CaptionPipeline) -> StyleChoice | None:
    """Return the styles that the command line asks for; None for those that the strategy draws."""
    if options.traverse is not None:
        return _traversal(options.traverse, options.values or USUAL_VALUES)
    if options.style is not None:
        return _one_for_all(torch.tensor(options.style), "given")
    if options.style_from is None:
        return None
    other_S = _style_of(options.style_from, options.style_caption, pipeline)
    if options.interpolate is not None:
        return _interpolation(other_S, options.interpolate)
    return _one_for_all(other_S, f"of {options.style_caption or options.style_from}")


def _style_of(path: Path, caption: str | None, pipeline: CaptionPipeline) -> Tensor:
    if caption is None and not pipeline.captioner.style_sees_image:
        raise ValueError(
            f"--style-from {path}: without a caption the style of this model is the same for every image; "
            f"add --style-caption, a caption of that image in the style that is wanted"
        )
    return pipeline.style_of(path, caption)


def _one_for_all(style_S: Tensor, label: str) -> StyleChoice:
    return StyleChoice(lambda own: style_S.to(own.sample).expand(len(own.sample), -1), [label])


def _interpolation(other_S: Tensor, num: int) -> StyleChoice:
    labels = [f"{100 * step / (num - 1):.3g}% of the way" for step in range(num)]

    def on_the_way(own: LatentCode) -> Tensor:
        return interpolate_styles(own.sample, other_S.to(own.sample).expand_as(own.sample), num)

    return StyleChoice(on_the_way, labels)


def _traversal(dimension: int, values: tuple[float, ...] | list[float]) -> StyleChoice:
    labels = [f"dimension {dimension} = {value:g}" for value in values]
    return StyleChoice(lambda own: traverse_style(own.sample, dimension, values, prior=own.prior.as_gaussian()), labels)
