"""What a model was trained on, small enough to be kept beside its weights."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit

OTHER = "expected a record of the training images that train.py wrote, got another; take the file as it was written"


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """The images that a model has seen in training, its own and those of models whose weights it started from.

    Attributes:
        keys: Their keys (see `image_keys`), sorted: 8 bytes each, two or three of an image.
        sources: The data sets, by name.
        complete: Whether these are all: checkpoints of earlier versions did not say.
    """

    keys: NDArray[np.int64]
    sources: tuple[str, ...]
    complete: bool = True

    @classmethod
    def of(cls, training: CaptionSplit, source: str) -> Self:
        """Return the record of a model that is trained on these images."""
        return cls(np.unique(training.image_keys), (source,))

    @classmethod
    def unknown(cls) -> Self:
        """Return what is known of a model of which nothing is."""
        return cls(np.empty(0, dtype=np.int64), (), complete=False)

    def __or__(self, other: Self) -> Self:
        """Return the record of a model that was trained on both."""
        return type(self)(
            np.union1d(self.keys, other.keys),
            tuple(dict.fromkeys((*self.sources, *other.sources))),
            self.complete and other.complete,
        )

    def knows(self, keys_NK: ImageKeys) -> NDArray[np.bool_]:
        """Return whether each image is one of these: [N]."""
        return np.asarray(np.isin(keys_NK, self.keys).any(axis=1))

    def to_checkpoint(self) -> dict[str, Any]:
        """Return plain values that a checkpoint may hold."""
        return {"keys": torch.from_numpy(self.keys), "sources": [*self.sources], "complete": self.complete}

    @classmethod
    def from_checkpoint(cls, saved: Any) -> Self:
        """Read what `to_checkpoint` returned; None, where an earlier version wrote the checkpoint, is unknown.

        Raises:
            ValueError: It is something else.
        """
        if saved is None:
            return cls.unknown()
        try:
            keys, sources, complete = saved["keys"].numpy(), saved["sources"], saved["complete"]
            fits = keys.dtype == np.int64 and keys.ndim == 1 and all(isinstance(source, str) for source in sources)
        except (AttributeError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(OTHER) from error
        if not fits or not isinstance(complete, bool):
            raise ValueError(OTHER)
        return cls(keys, tuple(sources), complete)
