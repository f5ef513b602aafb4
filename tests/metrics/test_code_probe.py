from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.code_probe import CodeProbe
from metrics.probes import linear_probe
from tests.two_processes import on_two_processes

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``compute`` method of metric CodeProbe was called before"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork"),
]

NUM_IMAGES, EACH = 12, 3
LABELS = np.arange(NUM_IMAGES * EACH) % 4


def _codes() -> torch.Tensor:
    return (
        torch.randn(NUM_IMAGES * EACH, 2, generator=torch.Generator().manual_seed(1))
        + torch.from_numpy(LABELS)[:, None]
    )


def _add(probe: CodeProbe, images: list[int]) -> None:
    rows = [EACH * image + place for image in images for place in range(EACH)]
    image_of_caption_N = torch.arange(len(images)).repeat_interleave(EACH)
    probe.update(_codes()[rows], LABELS[rows], torch.tensor(images), image_of_caption_N)


def test_probes_the_first_images_in_any_batches() -> None:
    expected = linear_probe(_codes()[:24].double().numpy(), LABELS[:24], np.arange(24) // EACH)
    assert expected.majority < expected.accuracy < 1
    for batches in ([[*range(12)]], [[11, 3, 2], [1, 0, 4, 5, 6], [10, 9, 8, 7, 3]]):
        probe = CodeProbe(num_captions=24)
        for images in batches:
            _add(probe, images)
        assert probe.compute() == expected


@pytest.mark.parametrize("images", [([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11, 0]), ([*range(12)], [])])
def test_two_processes_find_the_same(images: tuple[list[int], list[int]], tmp_path: Path) -> None:
    def job(rank: int) -> list[float]:
        probe = CodeProbe(num_captions=1000)
        if images[rank]:
            _add(probe, images[rank])
        return [*(probe.compute() or [])]

    probe = CodeProbe(num_captions=1000)
    _add(probe, [*range(12)])
    assert on_two_processes(job, tmp_path / "processes") == [[*(probe.compute() or [])]] * 2


def test_what_cannot_be_probed_has_no_figure() -> None:
    assert CodeProbe(10).compute() is None
    probe = CodeProbe(10)
    _add(probe, [4])
    assert probe.compute() is None
    probe.update(torch.full((1, 2), torch.nan), LABELS[:1], torch.tensor([0]), torch.tensor([0]))
    assert probe.compute() is None


def test_a_single_caption_is_refused() -> None:
    with pytest.raises(ValueError, match="num_captions must be at least 2, to fit to some and score others, got 1"):
        CodeProbe(1)
