"""What a frozen encoder sees of every image, computed once and kept in a file that is mapped into memory.

Shape legend: T images of a split, B images, P grid positions, D feature width.
"""

import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from datamodules.image_files.reading import BadImageError
from datamodules.split import CaptionSplit
from utils.cache_key import cache_key, reader_version
from utils.files import locked

log = logging.getLogger(__name__)

FORMAT_VERSION = 2  # raised when older files can no longer be read
BATCH_SIZE = 32
NOT_THERE = 0  # stands for the checksum of an image that is yet to be encoded


Features = np.memmap[tuple[int, ...], np.dtype[np.float16]]
Checksums = np.memmap[tuple[int, ...], np.dtype[np.uint32]]


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """An encoder that does not change.

    Attributes:
        encode: From `images_BCHW` (`uint8`) to `features_BPD`.
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

    The file's name stands for the encoder, the images and who reads them: with others it is another file. An image
    whose checksum does not fit, because a run was killed or the disk failed, is encoded anew. Several processes may
    fill one cache together, also those of several runs: what is there whole is never written again.

    Args:
        folder: Where the files are.
        split: The images.
        source: Their encoder.
        skip_bad_images: Whether an image that cannot be read stays without features, and is not an error.
    """

    def __init__(
        self, folder: Path, split: CaptionSplit, source: FeatureSource, *, skip_bad_images: bool = False
    ) -> None:
        self.split = split
        self.source = source
        self.skip_bad_images = skip_bad_images
        self.shape = (len(split.image_ids), source.positions, source.width)
        name = _name(split, source)
        self.path = folder / f"{name}.features"
        self.checksums_path = folder / f"{name}.checksums"
        self.lock_path = folder / f"{name}.lock"

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
        num_images, positions, width = self.shape
        sizes = {
            self.path: num_images * positions * width * np.dtype(np.float16).itemsize,
            self.checksums_path: num_images * np.dtype(np.uint32).itemsize,
        }
        return {path: size for path, size in sizes.items() if not path.exists() or path.stat().st_size != size}

    def fill(self, *, rank: int = 0, num_processes: int = 1) -> int:
        """Encode the images that are missing or torn, each process its share; return how many those were here."""
        torn = _torn(range(rank, self.shape[0], num_processes), *self._map("r"))
        if not torn:
            return 0
        features_TPD, checksums_T = self._map("r+")
        log.info("%s: encoding %d of %d images", self.path, len(torn), self.shape[0])
        with tqdm(total=len(torn), desc="features", unit="image") as progress:
            for start in range(0, len(torn), BATCH_SIZE):
                batch = torn[start : start + BATCH_SIZE]
                features_of_number = self._encode(batch)
                with locked(self.lock_path):
                    # not what another run has written meanwhile: someone may be reading it
                    numbers = _torn(features_of_number, features_TPD, checksums_T)
                    for number in numbers:
                        features_TPD[number] = features_of_number[number]
                    features_TPD.flush()  # before their checksums, which say that they are there
                    checksums_T[numbers] = [_checksum(features_TPD[number]) for number in numbers]
                    checksums_T.flush()
                progress.update(len(batch))
        return len(torn)

    def open(self) -> Features:
        """Return `features_TPD`, read-only.

        Raises:
            ValueError: Some are not there, nor may they be; `fill` adds them.
        """
        missing = len(self.missing())
        if missing and not self.skip_bad_images:
            raise ValueError(f"{self.path}: {missing} of {self.shape[0]} images have no features yet; fill the cache")
        return self._map("r")[0]

    def missing(self) -> list[int]:
        """Return the numbers of the images that have no features: after `fill`, those that cannot be read."""
        _, checksums_T = self._map("r")
        return (checksums_T == NOT_THERE).nonzero()[0].tolist()

    def _encode(self, numbers: Sequence[int]) -> dict[int, NDArray[np.float16]]:
        """Return each image's features by its number, without those of unreadable ones where such are skipped."""
        images = {}
        for number in numbers:
            try:
                images[number] = self.split.load_image(number)
            except BadImageError as error:
                if not self.skip_bad_images:
                    raise BadImageError(f"{error}, or leave such images out with data.on_bad_data=skip") from error
                log.warning("without features: %s", error)
        if not images:
            return {}
        features_BPD = self.source.encode(torch.stack([*images.values()])).half().cpu()
        if not features_BPD.isfinite().all():
            raise ValueError(
                "the encoder's features are beyond half precision (65504), in which they are kept; set "
                "data.cache_features=false"
            )
        return dict(zip(images, features_BPD.numpy(), strict=True))

    def _map(self, mode: Literal["r", "r+"]) -> tuple[Features, Checksums]:
        features_TPD: Features = np.memmap(self.path, np.float16, mode, shape=self.shape)
        checksums_T: Checksums = np.memmap(self.checksums_path, np.uint32, mode, shape=self.shape[:1])
        return features_TPD, checksums_T


def _name(split: CaptionSplit, source: FeatureSource) -> str:
    return cache_key(
        version=FORMAT_VERSION,
        encoder=source.fingerprint,
        shape=[source.positions, source.width],
        images=split.image_fingerprint,
        reader=reader_version(),
    )


def _torn(numbers: Iterable[int], features_TPD: Features, checksums_T: Checksums) -> list[int]:
    """Return the numbers of the images whose features are missing or damaged."""
    return [
        number
        for number in numbers
        if checksums_T[number] == NOT_THERE or checksums_T[number] != _checksum(features_TPD[number])
    ]


def _checksum(features_PD: NDArray[np.float16]) -> int:
    """Return the CRC-32 of an image's features, which is never the number that stands for none."""
    return zlib.crc32(features_PD.tobytes()) or 1
