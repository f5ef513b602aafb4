"""Whether captions take the style of another image's caption, and stay true of their own image.

Shape legend: N captions, P positions, D features of a position, S style.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.interpretability import CaptionCodes
from evaluation.report.codes import ALL
from evaluation.report.contents import StyleTransfer
from lightning_modules import CaptioningModule
from lightning_modules.generation import Greedy
from metrics.factor import UNKNOWN
from utils.progress import progress_bar


class Restyled(NamedTuple):
    """A caption in the style of another image's caption.

    Attributes:
        number: Which of the split's images it is of, from 0.
        row: Which caption has the style.
        caption: The caption.
    """

    number: int
    row: int
    caption: str


class Judged(NamedTuple):
    """What has become of a caption.

    Attributes:
        style: The style that was asked for.
        has_style: Whether the caption is of it.
        is_true: Whether it is true of its image; None where that is not known.
    """

    style: str
    has_style: bool
    is_true: bool | None


def measure_style_transfer(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    codes: CaptionCodes,
    datamodule: CaptionDataModule,
    split: CaptionSplit,
    *,
    max_length: int,
) -> dict[str, StyleTransfer]:
    """Generate captions of each image in the styles of the next image's captions, greedily, and judge them.

    The last image takes those of the first. S is the mean of q(S|I,w) of the other image and its caption; C is the mean
    of q(C|I,S) of the image itself.

    Args:
        captioner: The captioner.
        batches: The images.
        codes: Of their captions.
        datamodule: Tells the style of a caption and whether it is true.
        split: Where the images are from.
        max_length: Most tokens of a caption.

    Returns:
        The shares of all captions under "all", then of each style that was asked for; nothing for a single image, or
        where no caption has a known style.
    """
    numbers = [number for batch in batches for number in batch.numbers]
    asked = datamodule.caption_factors(codes.captions)[0]
    known_N = np.flatnonzero(asked.labels_N != UNKNOWN)
    if len(numbers) < 2 or not len(known_N):
        return {}
    rows_of = {number: known_N[codes.number_N[known_N] == number].tolist() for number in numbers}
    styles_for = {number: rows_of[other] for number, other in zip(numbers, [*numbers[1:], numbers[0]], strict=True)}
    judged: list[Judged] = []
    with progress_bar(total=len(known_N), desc="style transfer", unit="caption") as progress:
        for restyled in _restyled(captioner, batches, codes, styles_for, max_length):
            labels_N = datamodule.caption_factors([one.caption for one in restyled])[0].labels_N
            for one, label in zip(restyled, labels_N.tolist(), strict=True):
                label_asked = int(asked.labels_N[one.row])
                is_true = datamodule.is_true(one.caption, split.image_ids[one.number])
                judged.append(Judged(asked.classes[label_asked], label == label_asked, is_true))
            progress.update(len(restyled))
    by_style = {name: [one for one in judged if one.style == name] for name in asked.classes}
    return {ALL: _shares(judged)} | {name: _shares(some) for name, some in by_style.items() if some}


def _restyled(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    codes: CaptionCodes,
    styles_for: Mapping[int, Sequence[int]],
    max_length: int,
) -> Iterator[list[Restyled]]:
    """Yield captions batch by batch; `styles_for` has for each image the rows of the captions whose styles it takes."""
    for batch in batches:
        asked = [(place, row) for place, number in enumerate(batch.numbers) for row in styles_for[number]]
        if not asked:
            continue
        places, rows = map(list, zip(*asked, strict=True))
        # an image for each style: not all need to have equally many
        features_NPD, style_NS = batch.features_BPD[places], codes.style_NS[rows]
        generated = captioner.generate(features_NPD, Greedy(max_length=max_length), style_NS=style_NS)
        yield [
            Restyled(batch.numbers[place], row, captions[0])
            for place, row, captions in zip(places, rows, generated.captions, strict=True)
        ]


def _shares(judged: Sequence[Judged]) -> StyleTransfer:
    num = len(judged)
    style = sum(one.has_style for one in judged) / num
    if any(one.is_true is None for one in judged):
        return StyleTransfer(num, style, None, None)
    truth = sum(bool(one.is_true) for one in judged) / num
    return StyleTransfer(num, style, truth, sum(one.has_style and bool(one.is_true) for one in judged) / num)
