"""The figures and pictures of codes' usage, from what an evaluation hands over."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from callbacks import CodeUsage
from lightning_modules import CodedImages
from metrics import code_figures
from pictures.code_usage import draw_code_usage


class _Module:
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}

    def log(self, name: str, value: Tensor, **_: Any) -> None:
        self.logged[name] = value.item()


def _trainer(step: int) -> Any:
    stepped = SimpleNamespace(epoch_loop=SimpleNamespace(_batches_that_stepped=step))
    return SimpleNamespace(is_global_zero=True, sanity_checking=False, logger=None, fit_loop=stepped)


def _conclude(callback: CodeUsage, batches: Sequence[Tensor], step: int = 500) -> dict[str, float]:
    module, first = _Module(), 0
    for codes_BP in batches:
        output = CodedImages(codes_BP, 16, (2, 2), torch.rand(len(codes_BP), 3, 8, 8))
        ids_B = torch.arange(first, first + len(codes_BP))
        callback.observe(_trainer(step), module, output, SimpleNamespace(image_ids_B=ids_B))  # type: ignore[arg-type]
        first += len(codes_BP)
    callback.conclude(_trainer(step), module, "val")  # type: ignore[arg-type]
    callback.forget()
    return module.logged


def test_it_logs_the_figures_of_all_batches_and_starts_anew(caplog: pytest.LogCaptureFixture) -> None:
    callback, batches = CodeUsage(), torch.randint(16, (3, 5, 4)).unbind()
    for seen in (batches, batches[:1]):
        expected = code_figures(torch.cat([*seen]), 16).named()
        assert _conclude(callback, seen) == pytest.approx(
            {f"val/codes/{name}": value.item() for name, value in expected.items()}
        )
    assert not caplog.records


def test_collapsed_codes_are_told_once_and_not_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    callback, collapsed = CodeUsage(), [torch.zeros(3, 4).long()]
    _conclude(callback, collapsed, step=10)
    assert not caplog.records
    for _ in range(2):
        _conclude(callback, collapsed)
    (record,) = caplog.records
    assert record.getMessage().startswith("the codes have a perplexity of 1.00 after 500 steps: nearly all positions")


@pytest.mark.parametrize("num_codes", [2, 1000])
def test_the_picture_shows_shares_and_positions(num_codes: int, tmp_path: Path) -> None:
    figures = code_figures(torch.randint(num_codes, (20, 16)) // 2, num_codes)
    perplexity_HW = figures.perplexity_P.view(4, 4)
    picture_3HW = draw_code_usage(figures.usage_K, perplexity_HW, "usage")
    assert (picture_3HW.dtype, picture_3HW.shape) == (torch.uint8, (3, 920, 720))
    other_3HW = draw_code_usage(figures.usage_K, perplexity_HW.flip(0) + torch.eye(4), "usage")
    changed_HW = (picture_3HW != other_3HW).any(dim=0)
    assert changed_HW[460:].any()
    assert not changed_HW[:300].any()  # the shares are the same
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_image("codes", picture_3HW)
