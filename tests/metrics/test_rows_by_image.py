"""Rows of images come back once, in order, whoever had them; what is made of them follows from the rows alone."""

import pytest
import torch
from torch import Tensor

from metrics import MeanOverCaptions
from metrics.rows_by_image import RowsByImage, places_of


class _Rows(RowsByImage):
    def update(self, ids: list[int], values: list[list[float]], places: list[int] | None = None) -> None:
        places_N = None if places is None else torch.tensor(places)
        self.add(torch.tensor(ids, dtype=torch.int64), torch.tensor(values), places_N)

    def compute(self) -> Tensor | None:
        return self.distinct()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_rows_are_in_the_order_of_images_and_places_and_the_first_of_each_counts(dtype: torch.dtype) -> None:
    rows = _Rows(dtype)
    rows.update([7, 7, -2], [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], [0, 1, 0])
    rows.update([], [])
    rows.update([-2, 2**40, 7, -2], [[0.0, 0.0], [8.5, 9.5], [0.0, 0.0], [7.5, -1.0]], [0, 3, 1, 1])
    found = rows.compute()
    assert found is not None
    assert found.dtype == dtype
    assert found.tolist() == [[5.5, 6.5], [7.5, -1.0], [1.5, 2.5], [3.5, 4.5], [8.5, 9.5]]


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_without_rows_there_is_none() -> None:
    rows = _Rows()
    assert rows.compute() is None
    rows.update([], [])
    assert rows.compute() is None


def test_places_count_within_each_image() -> None:
    assert places_of(torch.tensor([0, 0, 0, 1, 3, 3])).tolist() == [0, 1, 2, 0, 0, 1]


def test_each_caption_counts_once_and_for_itself() -> None:
    one_N, several_NZ = torch.rand(9), torch.rand(9, 3)
    image_of_caption_N, ids_B = torch.tensor([0, 1, 1, 1, 1, 2, 2, 3, 3]), torch.tensor([4, 9, 2, 7])
    mean = MeanOverCaptions(["one", "several"])
    for images in ([3, 0], [1], [0, 1], [2, 2]):  # some of them twice, also side by side
        rows_N = torch.cat([(image_of_caption_N == image).nonzero().squeeze(1) for image in images])
        counts = torch.tensor([int((image_of_caption_N == image).sum()) for image in images])
        of_batch_N = torch.arange(len(images)).repeat_interleave(counts)
        mean.update({"one": one_N[rows_N], "several": several_NZ[rows_N]}, ids_B[images], of_batch_N)
    found = mean.compute()
    assert found is not None
    torch.testing.assert_close(found["one"], one_N.double().mean())
    torch.testing.assert_close(found["several"], several_NZ.double().mean(dim=0))
