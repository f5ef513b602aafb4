"""What a shard holds: its samples, where their images are, and their captions, as arrays in one small file.

Shape legend: N samples, C captions, K keys of each image.
"""

import io
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from datamodules.column_files import CUMULATIVE
from datamodules.image_files.keys import key_of, spoken_key
from utils.files import atomic_open

FORMAT_VERSION = 1  # raised when older files can no longer be read
NOT_GIVEN = -1  # stands for the number of an image that has none

Columns = Mapping[str, NDArray[Any]]
COLUMNS: Mapping[str, type[np.generic]] = {
    "offset": np.int64,  # [N] bytes before the image's file in the tar
    "size": np.int64,  # [N] bytes of the image's file
    "crc": np.uint32,  # [N] CRC-32 of the image's file
    "image_id": np.int64,  # [N] the number that the sample's JSON gives, or NOT_GIVEN
    "name_number": np.int64,  # [N] the number that the sample's name is, or NOT_GIVEN
    "keys": np.int64,  # [N, K] what the image is known by (see `image_files.keys`)
    "caption_ends": np.int64,  # [N] captions up to and with each sample
    "text_ends": np.int64,  # [C] bytes of `text` up to and with each caption
    "text": np.uint8,  # the captions in UTF-8
    "name_ends": np.int64,  # [N] bytes of `names` up to and with each sample
    "names": np.uint8,  # the names of the images in UTF-8; empty where an image has its number alone
}
"""The arrays of an index by name, with their types."""

# numpy reads the header of each array with `ast.literal_eval`, which in CPython before 3.11.8 and 3.12.2 fails now and
# then where two threads do it at once: "AST constructor recursion depth mismatch", python/cpython#106905.
_HEADERS = threading.Lock()

OF_SAMPLES = ("offset", "size", "crc", "image_id", "name_number", "keys")


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The samples of a shard that can be used.

    Attributes:
        tar_bytes: Size of the tar.
        columns: The arrays (see `COLUMNS`).
        problems: What cannot be used: its kind, and the sample's name.
    """

    tar_bytes: int
    columns: Columns
    problems: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.columns["offset"])

    def with_keys(self, keys_NK: NDArray[np.int64]) -> "ShardIndex":
        """Return the same index with other keys, such as those of the data set that the shard was written from."""
        assert len(keys_NK) == len(self)
        return ShardIndex(self.tar_bytes, {**self.columns, "keys": keys_NK}, self.problems)

    def take(self, rows_M: NDArray[np.int64]) -> "ShardIndex":
        """Return the index of some of the samples, in this order."""
        columns = {name: self.columns[name][rows_M] for name in OF_SAMPLES}
        columns["name_ends"], letters = _taken(self.columns["name_ends"], rows_M)
        columns["caption_ends"], captions = _taken(self.columns["caption_ends"], rows_M)
        columns["text_ends"], texts = _taken(self.columns["text_ends"], captions)
        columns |= {"names": self.columns["names"][letters], "text": self.columns["text"][texts]}
        return ShardIndex(self.tar_bytes, columns, self.problems)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        about = json.dumps({"version": FORMAT_VERSION, "tar_bytes": self.tar_bytes, "problems": self.problems})
        with atomic_open(path, "wb") as file:
            np.savez(file, **{"about": np.frombuffer(about.encode(), np.uint8), **self.columns})  # type: ignore[arg-type]

    @classmethod
    def parse(cls, content: bytes) -> "ShardIndex | None":
        """Return the index that a file holds; None where it is none, is damaged, or is of another version."""
        try:
            with _HEADERS, np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                columns = {name: arrays[name] for name in COLUMNS}
            problems = [(str(kind), str(name)) for kind, name in about["problems"]]
            whole = about["version"] == FORMAT_VERSION and _fit_together(columns, int(about["tar_bytes"]))
            return cls(int(about["tar_bytes"]), columns, problems) if whole else None
        except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile):
            return None


def _taken(ends: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where things of several parts each end if these alone are kept, and the numbers of their parts."""
    sizes = np.diff(ends, prepend=0)[rows]
    new_ends = np.cumsum(sizes)
    return new_ends, np.arange(sizes.sum()) + np.repeat(ends[rows] - new_ends, sizes)


def _fit_together(columns: Columns, tar_bytes: int) -> bool:
    """Return whether arrays can be an index: nothing in them points to what is not there."""
    num = len(columns["offset"])
    types = all(columns[name].dtype == dtype for name, dtype in COLUMNS.items())
    of_samples = (*OF_SAMPLES, "caption_ends", "name_ends")
    if not types or columns["keys"].ndim != 2 or any(len(columns[name]) != num for name in of_samples):
        return False
    for name in CUMULATIVE.keys() & columns.keys():
        ends, counted = columns[name], CUMULATIVE[name]
        if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if len(ends) else 0) != len(columns[counted]):
            return False
    offset, size = columns["offset"], columns["size"]
    return bool((offset >= 0).all() and (size >= 0).all() and (offset + size <= tar_bytes).all())


class IndexBuilder:
    """Collects samples to an index."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._keys: list[tuple[int, int]] = []
        self._captions_of: list[int] = []
        self._captions: list[bytes] = []
        self._names: list[bytes] = []
        self.problems: list[tuple[str, str]] = []

    def add(
        self,
        *,
        offset: int,
        image: bytes,
        crc: int,
        image_id: int,
        name_number: int,
        name: str,
        captions: Sequence[str],
    ) -> None:
        """Add a sample.

        Args:
            offset: Bytes before its image's file in the tar.
            image: The image's file.
            crc: Its CRC-32.
            image_id: Its number as given, or NOT_GIVEN.
            name_number: The number that its name is, or NOT_GIVEN.
            name: What files of captions call it; empty where it has its number alone.
            captions: At least one.
        """
        self._rows.append((offset, len(image), crc, image_id, name_number))
        self._keys.append((key_of("file", image), spoken_key(name or image_id, captions)))
        self._captions_of.append(len(captions))
        self._captions += [caption.encode() for caption in captions]
        self._names.append(name.encode("utf-8", "backslashreplace"))

    def build(self, tar_bytes: int) -> ShardIndex:
        """Return the index of all samples."""
        offset, size, crc, image_id, name_number = np.array(self._rows, np.int64).reshape(-1, 5).T
        columns = {
            "offset": offset,
            "size": size,
            "crc": crc,
            "image_id": image_id,
            "name_number": name_number,
            "keys": np.array(self._keys, np.int64).reshape(-1, 2),
            "caption_ends": np.cumsum(self._captions_of),
            "text_ends": np.cumsum([len(text) for text in self._captions]),
            "text": np.frombuffer(b"".join(self._captions), np.uint8),
            "name_ends": np.cumsum([len(name) for name in self._names]),
            "names": np.frombuffer(b"".join(self._names), np.uint8),
        }
        arrays = {name: np.ascontiguousarray(columns[name], dtype) for name, dtype in COLUMNS.items()}
        return ShardIndex(tar_bytes, arrays, self.problems)
