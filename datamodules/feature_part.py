"""Files of features: each holds those of some images of a split, one after the other, with a checksum of each image's.

Shape legend: R images of a part, B images, P grid positions, D feature width.
"""

import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from utils.files import atomic_write_text, locked

Kept = Literal["float16", "int32", "int16"]
"""What features are kept as: half floats, or the whole numbers of codes."""

NOT_THERE = 0  # stands for the checksum of an image that is yet to be encoded
CLOCK = 0.02  # seconds; more than the steps of a file's times

Features = NDArray[Any]
Checksums = np.memmap[tuple[int, ...], np.dtype[np.uint32]]


def to_kept(features_BPD: Tensor, dtype: Kept) -> Features:
    """Return features, or codes, as they are kept.

    Raises:
        ValueError: They are beyond what it can hold, or codes are no whole numbers.
    """
    if dtype == "float16":
        half_BPD = features_BPD.half().cpu()
        if not half_BPD.isfinite().all():
            raise ValueError(
                "the encoder's features are beyond half precision (65504), in which they are kept; set "
                "data.cache_features=false"
            )
        return np.asarray(half_BPD.numpy())
    limits = torch.iinfo(getattr(torch, dtype))
    if features_BPD.is_floating_point() or features_BPD.is_complex():
        raise ValueError(f"expected whole numbers to be kept as {dtype}, got {features_BPD.dtype}; keep float16")
    if features_BPD.numel() and not limits.min <= int(features_BPD.min()) <= int(features_BPD.max()) <= limits.max:
        raise ValueError(
            f"expected codes from {limits.min} to {limits.max} to be kept as {dtype}, got others; keep int32"
        )
    return features_BPD.cpu().numpy().astype(dtype)


class FeaturePart:
    """The features of some images in a row.

    Several processes may write one part together: what is there whole is never written again.

    Args:
        folder: Where its files are.
        number: Of the part, from 0; names the files.
        rows: Which of the split's images it is of.
        shape: P and D.
        dtype: What features are kept as.
    """

    def __init__(self, folder: Path, number: int, rows: range, shape: tuple[int, int], dtype: Kept) -> None:
        self.rows = rows
        self.shape = (len(rows), *shape)
        self.dtype = np.dtype(dtype)
        self.path = folder / f"{number:05d}.features"
        self.checksums_path = folder / f"{number:05d}.checksums"
        self.verified_path = folder / f"{number:05d}.verified"
        self.lock_path = folder / f"{number:05d}.lock"

    @property
    def num_bytes(self) -> int:
        """Size of the features."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def create(self) -> None:
        """Make the files, without features, unless they are there in their full size."""
        if not self._torn_files():  # then nothing is written: the disk may be for reading only
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.lock_path):
            for path, size in self._torn_files().items():
                with path.open("wb") as file:
                    file.truncate(size)  # zeros, which take no room on the disk

    def _torn_files(self) -> dict[Path, int]:
        """Return the sizes in bytes of the files that are missing or have another size."""
        sizes = {self.path: self.num_bytes, self.checksums_path: len(self.rows) * np.dtype(np.uint32).itemsize}
        return {path: size for path, size in sizes.items() if not path.exists() or path.stat().st_size != size}

    def missing(self) -> list[int]:
        """Return the numbers of the images that have no features."""
        if self._torn_files():
            return [*self.rows]
        _, checksums_R = self.map("r")
        return ((checksums_R == NOT_THERE).nonzero()[0] + self.rows.start).tolist()

    def torn(self, numbers: Iterable[int]) -> list[int]:
        """Return those images whose features are missing or damaged; these are read where the file has changed."""
        features_RPD, checksums_R = self.map("r")
        own = [number for number in numbers if number in self.rows]
        if self._state() == self._verified():
            return [number for number in own if checksums_R[number - self.rows.start] == NOT_THERE]
        return [number for number in own if _is_torn(number - self.rows.start, features_RPD, checksums_R)]

    def write(self, features_of_number: Mapping[int, Features]) -> None:
        """Write the features of images, but not what another run has written meanwhile: someone may be reading it."""
        features_RPD, checksums_R = self.map("r+")
        with locked(self.lock_path):
            rows = [number - self.rows.start for number in features_of_number]
            torn = [row for row in rows if _is_torn(row, features_RPD, checksums_R)]
            for row in torn:
                features_RPD[row] = features_of_number[row + self.rows.start]
            features_RPD.flush()  # before their checksums, which tell that they are there
            checksums_R[torn] = [_checksum(features_RPD[row]) for row in torn]
            checksums_R.flush()

    def mark_verified(self) -> None:
        """Note that all features that are there were found whole, so that they need not be read again for that."""
        if self._state() != self._verified():
            time.sleep(CLOCK)  # a later change gives the file another time
            with suppress(OSError):  # on a disk for reading only they are read each time
                atomic_write_text(self.verified_path, json.dumps(self._state()))

    def _state(self) -> list[int]:
        states = [path.stat() for path in (self.path, self.checksums_path)]
        return [number for state in states for number in (state.st_size, state.st_mtime_ns)]

    def _verified(self) -> Any:
        try:
            return json.loads(self.verified_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def map(self, mode: Literal["r", "r+"]) -> tuple[np.memmap[tuple[int, ...], np.dtype[Any]], Checksums]:
        """Return the features ([R, P, D]) and their checksums ([R]), mapped into memory."""
        features_RPD = np.memmap(self.path, self.dtype, mode, shape=self.shape)
        checksums_R: Checksums = np.memmap(self.checksums_path, np.uint32, mode, shape=self.shape[:1])
        return features_RPD, checksums_R


class FeatureTable:
    """The features of all images of a split, for reading; a part is mapped when one of its images is asked for.

    Args:
        parts: All parts, of which all but the last hold equally many images.
    """

    def __init__(self, parts: Sequence[FeaturePart]) -> None:
        self.parts = parts
        self.dtype = parts[0].dtype
        self.shape = (sum(len(part.rows) for part in parts), *parts[0].shape[1:])
        self._mapped: dict[int, Features] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> Features:
        """Return what is kept of image `index`: [P, D]."""
        if not 0 <= index < len(self):
            raise IndexError(f"expected an image below {len(self)}, got {index}")
        number, row = divmod(index, len(self.parts[0].rows))
        if number not in self._mapped:
            self._mapped[number], _ = self.parts[number].map("r")
        features_PD: Features = self._mapped[number][row]
        return features_PD

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": {}}  # a process that is spawned maps the files, too


def _is_torn(row: int, features_RPD: Features, checksums_R: Checksums) -> bool:
    return bool(checksums_R[row] == NOT_THERE or checksums_R[row] != _checksum(features_RPD[row]))


def _checksum(features_PD: Features) -> int:
    """Return the CRC-32 of an image's features, which is never the number that stands for none."""
    return zlib.crc32(features_PD.tobytes()) or 1
