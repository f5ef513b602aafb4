import time
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.code_probe import CodeProbe
from tests.tiny_run import TinyRun, run_tiny, scalars


def test_is_there_at_each_evaluation(trained: TinyRun) -> None:
    curves = scalars(trained.events)
    for stage in ("val", "test"):
        for name in ("style_family_from_style", "style_family_majority"):
            ((_, value),) = curves[f"{stage}/interpretability/{name}"]
            assert 0 <= value <= 1


def test_photographs_have_lengths(flickr8k: tuple[TinyRun, Path]) -> None:
    assert "val/interpretability/length_from_style" in scalars(flickr8k[0].events)


def test_training_goes_on_as_without_it(trained: TinyRun, tmp_path: Path) -> None:
    without = run_tiny(tmp_path / "run", choices=["~callbacks.style_probe"])
    curves = scalars(without.events)
    assert not [name for name in curves if "interpretability" in name]
    assert curves["train/loss"] == scalars(trained.events)["train/loss"]
    assert curves["val/loss"] == scalars(trained.events)["val/loss"]


@pytest.mark.slow
def test_a_validation_of_the_built_in_data_takes_below_a_second() -> None:
    """500 images of five captions each, of which 1000 captions are looked at."""
    codes_NZ = torch.randn(2500, 16)
    labels_N = np.arange(2500) % 5
    codes_NZ[:, :5] += 3 * torch.nn.functional.one_hot(torch.from_numpy(labels_N))
    probe = CodeProbe(1000)
    probe.update(codes_NZ, labels_N, torch.arange(500), torch.arange(500).repeat_interleave(5))
    started = time.process_time()
    probed = probe.compute()
    assert time.process_time() - started < 1
    assert probed is not None
    assert probed.accuracy > 0.8
