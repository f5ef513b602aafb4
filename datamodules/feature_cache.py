"""What a frozen encoder sees of every image, computed once and kept in a file that is mapped into memory.

Shape legend: T images of a split, B images, P grid positions, D feature width.
"""

import hashlib
import json
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from datamodules.caption_split import CaptionSplit

log = logging.getLogger(__name__)

FORMAT_VERSION = 1  # raised when older files can no longer be read
BATCH_SIZE = 32
NOT_THERE = 0  # stands for the checksum of an image that is yet to be encoded


Features = np.memmap[tuple[int, ...], np.dtype[np.float16]]
Checksums = np.memmap[tuple[int, ...], np.dtype[np.uint32]]


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """An encoder that does not change.

    Attributes:
        encode: From `images_BCHW` (`uint8`) to `grid_BPD`.
        fingerprint: Checksum of all that its features depend on.
        positions: P.
        width: D.
    """

    encode: Callable[[Tensor], Tensor]
    fingerprint: str
    positions: int
    width: int


class FeatureCache:
    """The features of a split's images in half precision, with a checksum of each image's.

    The file's name stands for the encoder and the images: with others it is another file. An image whose checksum does
    not fit, because a run was killed or the disk failed, is encoded anew. Several processes may fill one cache
    together.

    Args:
        folder: Where the files are.
        split: The images.
        source: Their encoder.
    """

    def __init__(self, folder: Path, split: CaptionSplit, source: FeatureSource) -> None:
        self.split = split
        self.source = source
        self.shape = (len(split.image_ids), source.positions, source.width)
        name = _name(split, source)
        self.path = folder / f"{name}.features"
        self.checksums_path = folder / f"{name}.checksums"

    def create(self) -> None:
        """Make the files, without features, unless they are there in their full size; for one process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        num_images, positions, width = self.shape
        for path, size in (
            (self.path, num_images * positions * width * np.dtype(np.float16).itemsize),
            (self.checksums_path, num_images * np.dtype(np.uint32).itemsize),
        ):
            if not path.exists() or path.stat().st_size != size:
                with path.open("wb") as file:
                    file.truncate(size)  # zeros, which take no room on the disk

    def fill(self, *, rank: int = 0, num_processes: int = 1) -> int:
        """Encode the images that are missing or torn, each process its share; return how many those were here."""
        features_TPD, checksums_T = self._map("r+")
        torn = [
            number
            for number in range(rank, self.shape[0], num_processes)
            if checksums_T[number] == NOT_THERE or checksums_T[number] != _checksum(features_TPD[number])
        ]
        if torn:
            log.info("%s: encoding %d of %d images", self.path, len(torn), self.shape[0])
        with tqdm(total=len(torn), desc="features", unit="image", disable=not torn) as progress:
            for start in range(0, len(torn), BATCH_SIZE):
                numbers = torn[start : start + BATCH_SIZE]
                features_TPD[numbers] = self._encode(numbers)
                features_TPD.flush()  # before their checksums, which say that they are there
                checksums_T[numbers] = [_checksum(features_TPD[number]) for number in numbers]
                checksums_T.flush()
                progress.update(len(numbers))
        return len(torn)

    def open(self) -> Features:
        """Return `features_TPD`, read-only.

        Raises:
            ValueError: Some are not there; `fill` adds them.
        """
        features_TPD, checksums_T = self._map("r")
        missing = int((checksums_T == NOT_THERE).sum())
        if missing:
            raise ValueError(f"{self.path}: {missing} of {self.shape[0]} images have no features yet; fill the cache")
        return features_TPD

    def _encode(self, numbers: Sequence[int]) -> NDArray[np.float16]:
        images_BCHW = torch.stack([self.split.load_image(number) for number in numbers])
        grid_BPD = self.source.encode(images_BCHW).half().cpu()
        if not grid_BPD.isfinite().all():
            raise ValueError(
                "the encoder's features are beyond half precision (65504), in which they are kept; set "
                "data.cache_features=false"
            )
        return grid_BPD.numpy()

    def _map(self, mode: Literal["r", "r+"]) -> tuple[Features, Checksums]:
        features_TPD: Features = np.memmap(self.path, np.float16, mode, shape=self.shape)
        checksums_T: Checksums = np.memmap(self.checksums_path, np.uint32, mode, shape=self.shape[:1])
        return features_TPD, checksums_T


def _name(split: CaptionSplit, source: FeatureSource) -> str:
    parts = [FORMAT_VERSION, source.fingerprint, split.image_fingerprint]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _checksum(features_PD: NDArray[np.float16]) -> int:
    """Return the CRC-32 of an image's features, which is never the number that stands for none."""
    return zlib.crc32(features_PD.tobytes()) or 1
