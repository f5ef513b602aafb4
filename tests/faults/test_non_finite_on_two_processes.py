"""A loss that is NaN on one of two processes: both decide alike, and neither waits for the other."""

from pathlib import Path

import pytest

from tests.faults.script import run_script
from tests.tiny_run import read_events, scalars, tiny_overrides


@pytest.mark.slow
def test_both_processes_leave_steps_out_and_stop_together(tmp_path: Path) -> None:
    settings = [
        f"cache_dir={tmp_path}/cache",
        f"hydra.run.dir={tmp_path}/run",
        "trainer.devices=2",
        "data.batch_size=1",
        "callbacks.non_finite.on_non_finite=skip",
        "callbacks.non_finite.max_consecutive=2",
        "+callbacks.poison._target_=tests.faults.poison.Poison",
        "+callbacks.poison.batches=[0,2,3]",
        "+callbacks.poison.rank=1",
    ]
    finished = run_script("train.py", *tiny_overrides(), *settings)
    assert finished.code != 0  # Lightning kills the process that is still there when the other has ended
    assert "Traceback" not in finished.output
    assert any("step 3 (epoch 0, batch 3): expected a finite loss, got nan" in error for error in finished.errors)
    saved = sorted(path.name for path in (tmp_path / "run" / "non_finite").iterdir())
    assert saved == [f"step0000000{step}-rank1.pt" for step in (0, 2, 3)]  # the other process is not to blame
    curves = scalars(read_events(tmp_path / "run" / "tensorboard"))
    assert curves["train/skipped_steps"] == [(0, 1.0), (1, 1.0), (2, 2.0)]
