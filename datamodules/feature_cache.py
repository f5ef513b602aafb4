"""What a frozen encoder sees of every image, computed once and kept in files that are mapped into memory.

Shape legend: T images of a split, B images, P grid positions, D feature width.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.feature_part import FeaturePart, Features, FeatureTable, Kept, to_kept
from datamodules.image_files.reading import BadImageError
from datamodules.split import CaptionSplit
from utils.cache_key import cache_key, reader_version
from utils.progress import progress_bar

log = logging.getLogger(__name__)

FORMAT_VERSION = 3  # raised when older files can no longer be read
BATCH_SIZE = 32
PART_BYTES = 2**30  # of a file, at most, unless one image has more


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """An encoder that does not change.

    Attributes:
        encode: From `images_BCHW` (`uint8`) to `features_BPD`, or to codes of the same shape, whole numbers.
        fingerprint: Checksum of all that its features depend on.
        positions: P.
        width: D; 1 for codes.
        dtype: What they are kept as.
    """

    encode: Callable[[Tensor], Tensor]
    fingerprint: str
    positions: int
    width: int
    dtype: Kept = "float16"


class FeatureCache:
    """The features of a split's images in files of some images each, with a checksum of each image's.

    The folder's name stands for the encoder, the images and who reads them: with others it is another one. An image
    whose checksum does not fit, because a run was killed or the disk failed, is encoded anew. Several processes may
    fill one cache together, also those of several runs: what is there whole is never written again.

    Args:
        folder: Where the folders of all caches are.
        split: The images.
        source: Their encoder.
        skip_bad_images: Whether an image that cannot be read stays without features, and is not an error.
        part_bytes: Size of a file, at most, unless one image has more.
    """

    def __init__(
        self,
        folder: Path,
        split: CaptionSplit,
        source: FeatureSource,
        *,
        skip_bad_images: bool = False,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.split = split
        self.source = source
        self.skip_bad_images = skip_bad_images
        self.shape = (len(split.image_ids), source.positions, source.width)
        one = source.positions * source.width * np.dtype(source.dtype).itemsize
        step = max(1, min(part_bytes // one, self.shape[0]))
        self.path = folder / _name(split, source, step)
        rows = [range(start, min(start + step, self.shape[0])) for start in range(0, self.shape[0], step)]
        self.parts = [
            FeaturePart(self.path, number, of_part, self.shape[1:], source.dtype) for number, of_part in enumerate(rows)
        ]

    def create(self) -> None:
        """Make the files, without features, unless they are there in their full size; log how much they will take.

        Raises:
            ValueError: The disk has less room.
        """
        missing = sum(len(part.missing()) for part in self.parts)
        if missing:
            self._announce(missing)
        for part in self.parts:
            part.create()

    def _announce(self, missing: int) -> None:
        total = sum(part.num_bytes for part in self.parts)
        needed = total * missing // self.shape[0]
        self.path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.path).free
        log.info(
            "%s: %d images as %d x %d numbers of %s take %s in %d files; %d are to be encoded (%s of %s free)",
            self.path, *self.shape, self.source.dtype, _size(total), len(self.parts), missing, _size(needed),
            _size(free),
        )  # fmt: skip
        if needed > free:
            raise ValueError(
                f"{self.path}: the features of {missing} images take {_size(needed)}, and the disk has {_size(free)}; "
                f"make room, choose another cache_dir, or set data.cache_features=false"
            )

    def fill(self, *, rank: int = 0, num_processes: int = 1) -> int:
        """Encode the images that are missing or torn, each process its share; return how many those were here.

        A process's share is one stretch of images: processes work on files of their own, but at the borders.
        """
        own = range(rank * self.shape[0] // num_processes, (rank + 1) * self.shape[0] // num_processes)
        torn_of_part = {part: part.torn(_both(part.rows, own)) for part in self.parts if _both(part.rows, own)}
        num_torn = sum(map(len, torn_of_part.values()))
        if num_torn:
            log.info("%s: encoding %d of %d images", self.path, num_torn, self.shape[0])
        with progress_bar(total=num_torn, desc="features", unit="image", disable=not num_torn) as progress:
            for part, torn in torn_of_part.items():
                for start in range(0, len(torn), BATCH_SIZE):
                    batch = torn[start : start + BATCH_SIZE]
                    part.write(self._encode(batch))
                    progress.update(len(batch))
                if _both(part.rows, own) == part.rows:
                    part.mark_verified()
        return num_torn

    def open(self) -> FeatureTable:
        """Return the features of all images, for reading.

        Raises:
            ValueError: Some are not there, nor may they be; `fill` adds them.
        """
        missing = len(self.missing())
        if missing and not self.skip_bad_images:
            raise ValueError(
                f"{self.path}: {missing} of {self.shape[0]} images have no features yet; call fill() first"
            )
        return FeatureTable(self.parts)

    def missing(self) -> list[int]:
        """Return the numbers of the images that have no features: after `fill`, those that cannot be read."""
        return [number for part in self.parts for number in part.missing()]

    def _encode(self, numbers: Sequence[int]) -> dict[int, Features]:
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
        features_BPD = to_kept(self.source.encode(torch.stack([*images.values()])), self.source.dtype)
        return dict(zip(images, features_BPD, strict=True))


def _both(first: range, second: range) -> range:
    """Return what two ranges have in common."""
    return range(max(first.start, second.start), min(first.stop, second.stop))


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.1f} MB"


def _name(split: CaptionSplit, source: FeatureSource, step: int) -> str:
    return cache_key(
        version=FORMAT_VERSION,
        encoder=source.fingerprint,
        shape=[source.positions, source.width],
        dtype=source.dtype,
        images_of_part=step,
        images=split.image_fingerprint,
        reader=reader_version(),
    )
