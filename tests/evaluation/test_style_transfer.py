from collections.abc import Sequence

import numpy as np
import pytest

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, encode_images
from evaluation.interpretability import codes_of_captions
from evaluation.style_transfer import measure_style_transfer
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy
from metrics.factor import UNKNOWN, Factor
from tests.datamodules.in_memory_split import InMemorySplit

MAX_LENGTH = 9


class Judge:
    """Knows which captions are of which style, and which are true of which image."""

    def __init__(self, style_of: dict[str, int], true: set[tuple[str, int]] | None) -> None:
        self.style_of = style_of
        self.true = true

    def caption_factors(self, captions: Sequence[str]) -> list[Factor]:
        labels_N = np.array([self.style_of.get(caption, UNKNOWN) for caption in captions], dtype=np.int64)
        return [Factor("manner", ("calm", "loud", "odd"), labels_N)]

    def is_true(self, caption: str, image_id: int) -> bool | None:
        return None if self.true is None else (caption, image_id) in self.true


@pytest.fixture
def uneven(split: CaptionSplit) -> CaptionSplit:
    """Three images with one, two and two captions, the last of which has no known style."""
    captions = [["a red star"], ["a blue star", "the blue box"], ["a green star", "???"]]
    few = InMemorySplit([7, 8, 9], captions)
    few.load_image = split.load_image  # type: ignore[method-assign]
    return few


def _batches(captioner: VariationalCaptioner, split: CaptionSplit, batch_size: int) -> list[EncodedBatch]:
    return [*encode_images(captioner, split, num_images=3, batch_size=batch_size)]


STYLES = {"a red star": 0, "a blue star": 1, "the blue box": 0, "a green star": 1}


def _expected(captioner: VariationalCaptioner, split: CaptionSplit) -> list[tuple[int, str, str]]:
    """Return for each image and each known caption of the next image what is generated, one by one."""
    found = []
    for number, other in ((0, 1), (1, 2), (2, 0)):
        features_1PD = captioner.encode(split.load_image(number)[None])
        other_1PD = captioner.encode(split.load_image(other)[None])
        for caption in split.captions[other]:
            style_1S = captioner.latents_of_captions(other_1PD, [[caption]]).style.posterior.mean
            generated = captioner.generate(features_1PD, Greedy(max_length=MAX_LENGTH), style_NS=style_1S)
            if caption in STYLES:
                found.append((number, caption, generated.captions[0][0]))
    return found


@pytest.mark.parametrize("batch_size", [3, 2, 1])
def test_captions_take_the_styles_of_the_next_images_captions(
    captioner: VariationalCaptioner, uneven: CaptionSplit, batch_size: int
) -> None:
    expected = _expected(captioner, uneven)
    assert [(number, caption) for number, caption, _ in expected] == [
        (0, "a blue star"),
        (0, "the blue box"),
        (1, "a green star"),
        (2, "a red star"),
    ]
    # the caption of image 1 has the style that was asked for and is true; that of image 2 is true alone
    styles = STYLES | {expected[2][2]: STYLES[expected[2][1]]}
    true = {(expected[2][2], 8), (expected[3][2], 9)}
    batches = _batches(captioner, uneven, batch_size)
    codes = codes_of_captions(captioner, batches, uneven, seed=0)
    found = measure_style_transfer(
        captioner,
        batches,
        codes,
        Judge(styles, true),
        uneven,
        max_length=MAX_LENGTH,  # type: ignore[arg-type]
    )
    has_style = [styles.get(generated, UNKNOWN) == STYLES[asked] for _, asked, generated in expected]
    is_true = [(generated, uneven.image_ids[number]) in true for number, _, generated in expected]
    both = [style and truth for style, truth in zip(has_style, is_true, strict=True)]
    assert any(both)
    assert found["all"] == (4, np.mean(has_style), np.mean(is_true), np.mean(both))
    assert [*found] == ["all", "calm", "loud"]
    loud = [asked in ("a blue star", "a green star") for _, asked, _ in expected]
    assert found["loud"].num_captions == sum(loud) == 2
    assert found["loud"].style == np.mean(np.array(has_style)[loud])


def test_where_truth_is_not_known_style_alone_is_judged(captioner: VariationalCaptioner, uneven: CaptionSplit) -> None:
    batches = _batches(captioner, uneven, 3)
    codes = codes_of_captions(captioner, batches, uneven, seed=0)
    transfer = measure_style_transfer(
        captioner,
        batches,
        codes,
        Judge(STYLES, None),
        uneven,
        max_length=MAX_LENGTH,  # type: ignore[arg-type]
    )["all"]
    assert (transfer.truth, transfer.both) == (None, None)


def test_nothing_is_transferred_from_a_single_image_or_unknown_styles(
    captioner: VariationalCaptioner, uneven: CaptionSplit
) -> None:
    batches = _batches(captioner, uneven, 3)
    codes = codes_of_captions(captioner, batches, uneven, seed=0)
    for some, styles in ((batches, {}), ([batches[0].first(1)], STYLES)):
        judge = Judge(styles, None)
        assert measure_style_transfer(captioner, some, codes, judge, uneven, max_length=9) == {}  # type: ignore[arg-type]
