"""Runs on disks that fill up while they save."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightning_modules.checkpoints.durable_io import read_intact
from tests.faults.child import log_of
from tests.faults.killing import BASE, compare, run

TOO_SMALL = 800_000  # bytes: two checkpoints of the tiny run have room in it, three have not


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that holds little."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TOO_SMALL}", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a file system")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow
def test_a_full_disk_does_not_end_the_run_and_leaves_what_was_saved(
    small_disk: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run_dir = small_disk / "run"
    assert run(run_dir, [*BASE, f"cache_dir={tmp_path}/cache"]) == 0, log_of(run_dir).read_text()
    assert "could not be written (No space left on device): training goes on" in log_of(run_dir).read_text()
    assert compare(undisturbed, run_dir) == (15, [])
    checkpoints = run_dir / "checkpoints"
    assert 0 < read_intact(checkpoints / "last.ckpt")["global_step"] < 15
    assert not [*checkpoints.glob(".*")]  # no part of a checkpoint takes what room there is

    subprocess.run(["mount", "-o", "remount,size=100M", small_disk], check=True)
    (run_dir / "0-losses.txt").unlink()
    assert run(run_dir, resume=True) == 0, log_of(run_dir).read_text()
    steps, differing = compare(undisturbed, run_dir)
    assert 0 < steps < 15
    assert all("missing" in difference for difference in differing)  # those before the checkpoint


@pytest.mark.slow
def test_where_nothing_can_be_saved_the_run_ends_all_the_same(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert run(run_dir, BASE, most_bytes_a_file=100_000) == 0, log_of(run_dir).read_text()
    assert "could not be written (File too large): training goes on and there is none" in log_of(run_dir).read_text()
    assert not [*(run_dir / "checkpoints").iterdir()]
