"""The training images as a captioner sees them, with their captions, in a file.

Shape legend: B images, T training images, P grid positions, D features.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule
from utils.cache_key import cache_key, reader_version
from utils.files import atomic_open
from utils.progress import progress_bar

log = logging.getLogger(__name__)

BATCH_SIZE = 32
FIELDS = ("features_TD", "captions", "keys_TK", "encoder", "data")


@dataclass(frozen=True)
class TrainingIndex:
    """Features and captions of the training images.

    Attributes:
        features_TD: Of each image, averaged over the encoder's grid, in half precision.
        captions: Of each image.
        keys_TK: What each image is known by (see `image_keys`).
        encoder: Fingerprint of the encoder that saw them.
        data: Fingerprint of the images and captions, and of who read and encoded them.
    """

    features_TD: NDArray[np.float16]
    captions: Sequence[Sequence[str]]
    keys_TK: ImageKeys
    encoder: str
    data: str

    @classmethod
    def make(cls, captioner: CaptioningModule, training: CaptionSplit) -> Self:
        """Look at every training image once."""
        numbers = range(len(training.image_ids))
        batches = [numbers[start : start + BATCH_SIZE] for start in range(0, len(numbers), BATCH_SIZE)]
        features = []
        with progress_bar(total=len(numbers), desc="training images", unit="image") as progress:
            for batch in batches:
                images_BCHW = torch.stack([training.load_image(number) for number in batch])
                features.append(pooled(captioner.encode(images_BCHW.to(captioner.device))).cpu().half().numpy())
                progress.update(len(batch))
        captions = [list(of_image) for of_image in training.captions]
        return cls(
            np.concatenate(features),
            captions,
            training.image_keys,
            captioner.features_fingerprint,
            data_fingerprint(captioner, training),
        )

    @classmethod
    def load_or_make(cls, path: Path, captioner: CaptioningModule, training: CaptionSplit) -> Self:
        """Read the file if it is of this encoder and these images; otherwise make and save it."""
        try:
            index = cls.load(path, captioner)
            if index.data == data_fingerprint(captioner, training):
                return index
            log.info("%s: made anew, for it is of other training images or libraries", path)
        except ValueError as error:
            if path.exists():
                log.info("made anew: %s", error)
        index = cls.make(captioner, training)
        index.save(path)
        return index

    def save(self, path: Path) -> None:
        """Write the file, under a temporary name first."""
        captions = np.frombuffer(json.dumps(self.captions).encode(), dtype=np.uint8)
        with atomic_open(path, "wb") as file:
            np.savez(
                file,
                features_TD=self.features_TD,
                captions=captions,
                keys_TK=self.keys_TK,
                encoder=np.array(self.encoder),
                data=np.array(self.data),
            )

    @classmethod
    def load(cls, path: Path, captioner: CaptioningModule) -> Self:
        """Read what `save` wrote.

        Raises:
            ValueError: The file is not there, was not written by `save`, or is of another encoder.
        """
        advice = "make it with evaluate.py ranking=consensus ranking.index=FILE and this checkpoint"
        if not path.is_file():
            raise ValueError(f"{path}: there is no such index of training images; {advice}")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                fields: dict[str, Any] = {name: arrays[name] for name in FIELDS}
            fields["captions"] = json.loads(fields["captions"].tobytes())
            if not fields["keys_TK"].ndim == 2 == fields["features_TD"].ndim:
                raise ValueError("its arrays have other shapes")
            if not len(fields["keys_TK"]) == len(fields["features_TD"]) == len(fields["captions"]):
                raise ValueError("it has not as many features, keys and captions")
        except Exception as error:  # zip, header and JSON errors come in many types
            raise ValueError(f"{path}: not an index of training images ({error}); {advice}") from error
        index = cls(**fields | {name: str(fields[name]) for name in ("encoder", "data")})
        if index.encoder != captioner.features_fingerprint:
            raise ValueError(f"{path}: the index was made with another encoder than the checkpoint's; {advice}")
        return index

    def numbers_of(self, keys: Iterable[int]) -> Set[int]:
        """Return the training images that are the one with these keys."""
        return {number for key in keys for number in self._numbers_of_key.get(int(key), ())}

    @cached_property
    def _numbers_of_key(self) -> dict[int, list[int]]:
        numbers = defaultdict(list)
        for number, keys in enumerate(self.keys_TK.tolist()):
            for key in keys:
                numbers[key].append(number)
        return numbers


def pooled(features_BPD: Tensor) -> Tensor:
    """Return the mean of the features over the grid: `features_BD`."""
    return features_BPD.float().mean(dim=1)


def data_fingerprint(captioner: CaptioningModule, training: CaptionSplit) -> str:
    """Return a checksum of all that an index depends on beside the encoder's weights."""
    return cache_key(
        images=training.image_fingerprint,
        keys=training.image_keys,
        captions=training.captions,
        reader=reader_version(),
        code=captioner.features_code,
    )
