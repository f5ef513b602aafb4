import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.checkpoints.durable_io import DurableCheckpointIO, read_intact, write_durably


def test_what_is_saved_is_read_without_running_code(tmp_path: Path) -> None:
    checkpoints, path = DurableCheckpointIO(), tmp_path / "new" / "a.ckpt"
    checkpoints.save_checkpoint({"weight": torch.arange(3)}, path)
    assert torch.equal(checkpoints.load_checkpoint(path)["weight"], torch.arange(3))
    assert [*path.parent.iterdir()] == [path]
    torch.save({"code": Path.touch}, path)
    with pytest.raises(ValueError, match=r"a.ckpt: not a readable checkpoint"):
        checkpoints.load_checkpoint(path, weights_only=False)


def test_a_failed_write_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints, path = DurableCheckpointIO(), tmp_path / "a.ckpt"
    checkpoints.save_checkpoint({"step": 1}, path)

    def fail(number: int) -> Any:
        def fsync(_: int) -> None:
            raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", fail(errno.ENOSPC))
    checkpoints.save_checkpoint({"step": 2}, path)
    assert "a.ckpt could not be written (No space left on device): training goes on and the file from" in caplog.text
    monkeypatch.setattr(os, "fsync", fail(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        checkpoints.save_checkpoint({"step": 3}, path)
    assert read_intact(path) == {"step": 1}
    assert [*tmp_path.iterdir()] == [path]


def test_what_a_killed_process_left_behind_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".a.ckpt.unfinished").write_bytes(b"half" * 1000)
    write_durably(tmp_path / "a.ckpt", b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.ckpt", b"whole")]
