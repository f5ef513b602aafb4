"""The training images as a captioner sees them, with their captions, in a file.

Shape legend: B images, T training images, D features, K nearest training images, or keys of an image.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule
from lightning_modules.ranking.neighbour_spaces import Neighbourhood, NeighbourSpace, words_space
from metrics import nearest_images
from metrics.ngrams import Integers
from utils.cache_key import cache_key, reader_version
from utils.files import atomic_open
from utils.progress import progress_bar

log = logging.getLogger(__name__)

BATCH_SIZE = 32
INDEX_VERSION = 2  # raised whenever what the file holds, or how spaces are fitted, changes
FIELDS = ("features_TD", "captions", "keys_TK", "encoder", "data")
FITTED: tuple[Neighbourhood, ...] = ("words",)


@dataclass(frozen=True)
class TrainingIndex:
    """Features and captions of the training images.

    Attributes:
        features_TD: Of each image (`CaptioningModule.pooled_features`), in half precision.
        captions: Of each image.
        keys_TK: What each image is known by (see `image_keys`).
        spaces: Where neighbours can be looked for, by name, beside the features themselves.
        encoder: Fingerprint of the encoder that saw them.
        data: Fingerprint of the images and captions, and of who read and encoded them.
    """

    features_TD: NDArray[np.float16]
    captions: Sequence[Sequence[str]]
    keys_TK: ImageKeys
    spaces: Mapping[Neighbourhood, NeighbourSpace]
    encoder: str
    data: str

    @classmethod
    def make(cls, captioner: CaptioningModule, training: CaptionSplit) -> Self:
        """Look at every training image once, and fit the spaces of neighbours."""
        numbers = range(len(training.image_ids))
        batches = [numbers[start : start + BATCH_SIZE] for start in range(0, len(numbers), BATCH_SIZE)]
        features = []
        with progress_bar(total=len(numbers), desc="training images", unit="image") as progress:
            for batch in batches:
                images_BCHW = torch.stack([training.load_image(number) for number in batch])
                features_BD = captioner.pooled_features(captioner.encode(images_BCHW.to(captioner.device)))
                features.append(features_BD.cpu().half().numpy())
                progress.update(len(batch))
        captions = [list(of_image) for of_image in training.captions]
        features_TD = np.concatenate(features)
        return cls(
            features_TD,
            captions,
            training.image_keys,
            {"words": words_space(features_TD, captions)},
            captioner.features_fingerprint,
            data_fingerprint(captioner, training),
        )

    @classmethod
    def find(cls, path: Path, captioner: CaptioningModule, training: Callable[[], CaptionSplit] | None) -> Self:
        """Read the file; where training images are at hand, make it if it is missing or of others.

        Raises:
            ValueError: As `load`, without training images.
        """
        return cls.load(path, captioner) if training is None else cls.load_or_make(path, captioner, training())

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
                version=np.array(INDEX_VERSION),
                **{
                    f"{name}_{field}": array
                    for name, space in self.spaces.items()
                    for field, array in space._asdict().items()
                },
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
                if "version" not in arrays or int(arrays["version"]) != INDEX_VERSION:
                    raise ValueError("it is of another version")
                fields["spaces"] = {name: _space(name, arrays) for name in FITTED}
            fields["captions"] = json.loads(fields["captions"].tobytes())
            _check_shapes(fields)
        except Exception as error:  # zip, header and JSON errors come in many types
            raise ValueError(f"{path}: not an index of training images ({error}); {advice}") from error
        index = cls(**fields | {name: str(fields[name]) for name in ("encoder", "data")})
        if index.encoder != captioner.features_fingerprint:
            raise ValueError(f"{path}: the index was made with another encoder than the checkpoint's; {advice}")
        return index

    def nearest(self, features_BD: NDArray, num_nearest: int, neighbourhood: Neighbourhood = "cosine") -> Integers:
        """Return the nearest training images of each image, nearest first: [B, K].

        Args:
            features_BD: Of the images (`CaptioningModule.pooled_features`).
            num_nearest: K.
            neighbourhood: `cosine` of the features themselves, or the space in which they are compared.
        """
        if neighbourhood == "cosine":
            return nearest_images(features_BD, self.features_TD.astype(np.float32), num_nearest)
        space = self.spaces[neighbourhood]
        return nearest_images(space.vectors(features_BD), space.training_TK, num_nearest)

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


def _space(name: str, arrays: Mapping[str, NDArray[Any]]) -> NeighbourSpace:
    return NeighbourSpace(*(arrays[f"{name}_{field}"] for field in NeighbourSpace._fields))


def _check_shapes(fields: Mapping[str, Any]) -> None:
    """Raise a `ValueError` unless all is there of every training image."""
    if not fields["keys_TK"].ndim == 2 == fields["features_TD"].ndim:
        raise ValueError("its arrays have other shapes")
    num_images, width = fields["features_TD"].shape
    if not len(fields["keys_TK"]) == num_images == len(fields["captions"]):
        raise ValueError("it has not as many features, keys and captions")
    for name, space in fields["spaces"].items():
        dimensions = space.map_DK.shape[-1]
        if [part.shape for part in space] != [(width,), (width, dimensions), (num_images, dimensions)]:
            raise ValueError(f"its space of neighbours {name} has other shapes")


def data_fingerprint(captioner: CaptioningModule, training: CaptionSplit) -> str:
    """Return a checksum of all that an index depends on beside the encoder's weights."""
    return cache_key(
        images=training.image_fingerprint,
        keys=training.image_keys,
        captions=training.captions,
        reader=reader_version(),
        code=captioner.features_code,
    )
