"""Checkpoints on disk: there in full or not at all, and never mistaken for what was written when they are damaged."""

import errno
import io
import logging
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from utils.suggestions import beside

log = logging.getLogger(__name__)

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # on the disk, in the user's quota, in the largest file allowed


class DurableCheckpointIO(TorchCheckpointIO):
    """Lightning's reading and writing of checkpoints, made safe against crashes, full disks and flipped bits."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint; without room on the disk, keep the file as it was and say so."""
        try:
            save_durably(checkpoint, Path(path))
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            kept = "the file from before is kept" if Path(path).exists() else "there is none from before"
            log.warning(
                "checkpoint %s could not be written (%s): training goes on and %s; make room",
                path,
                error.strerror,
                kept,
            )

    def load_checkpoint(
        self, path: str | Path, map_location: Any = lambda storage, location: storage, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint with `read_intact`, whatever `weights_only` says."""
        checkpoint: dict[str, Any] = read_intact(path, map_location)
        return checkpoint


def save_durably(checkpoint: dict[str, Any], path: Path) -> None:
    """Write what `read_intact` reads, with `write_durably`."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    write_durably(path, buffer.getbuffer())


def write_durably(path: Path, content: bytes | memoryview) -> None:
    """Write a file that survives a crash at any moment: the old content, or all of the new.

    One process at a time may write it. What a killed one left behind is overwritten by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too
    finally:
        os.close(folder)


def read_intact(path: str | Path, map_location: Any = "cpu") -> Any:
    """Read what `torch.save` wrote, without running code of the file, after a look at every checksum in it.

    A checkpoint is a zip file, which holds a CRC-32 of each of its parts. `torch.load` does not compare them.

    Raises:
        ValueError: The file is not there, is no checkpoint, or is torn or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path}: there is no such file{beside(path)}; expected a checkpoint written by train.py, often "
            f"checkpoints/best.ckpt of its run's folder"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"{damaged} is damaged")
        return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # zip, pickle and storage errors come in many types
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path}: not a readable checkpoint ({reason}); expected one written by train.py") from error
