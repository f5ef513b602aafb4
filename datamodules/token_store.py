"""The token ids of all captions of a split, in one array: a few bytes each, whatever their number."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.tokenizers import CaptionTokenizer

AT_ONCE = 8192  # captions that are tokenized together


class TokenStore(Sequence[list[Tensor]]):
    """For each image the ids of its captions, each [L].

    Args:
        captions: Of each image.
        tokenizer: Each caption is tokenized once, here.

    Attributes:
        captions_N: How many captions each image has.
        lengths_C: How many ids each caption has.
        ids: Those of all captions, one caption after another.
    """

    def __init__(self, captions: Sequence[Sequence[str]], tokenizer: CaptionTokenizer) -> None:
        self.captions_N = np.fromiter(map(len, captions), dtype=np.int64, count=len(captions))
        self._first_caption = _ends(self.captions_N)
        ids, lengths = [], []
        texts = chain.from_iterable(captions)
        while some := [text for _, text in zip(range(AT_ONCE), texts, strict=False)]:
            encoded = tokenizer.encode_batch(some)
            lengths.append(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)))
            ids.append(np.fromiter(chain.from_iterable(encoded), dtype=np.int32, count=int(lengths[-1].sum())))
        self.lengths_C: NDArray[np.int64] = np.concatenate(lengths) if lengths else np.empty(0, dtype=np.int64)
        self.ids: NDArray[np.int32] = np.concatenate(ids) if ids else np.empty(0, dtype=np.int32)
        self._first_id = _ends(self.lengths_C)

    @property
    def last_ids_C(self) -> NDArray[np.int32]:
        """The last id of each caption."""
        return self.ids[self._first_id[1:] - 1]

    def __len__(self) -> int:
        return len(self._first_caption) - 1

    @overload
    def __getitem__(self, index: int) -> list[Tensor]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[Tensor]]: ...

    def __getitem__(self, index: int | slice) -> list[Tensor] | list[list[Tensor]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        number = index % len(self)
        return [self._caption(i) for i in range(self._first_caption[number], self._first_caption[number + 1])]

    def __iter__(self) -> Iterator[list[Tensor]]:
        return (self[i] for i in range(len(self)))

    def _caption(self, number: int) -> Tensor:
        start, end = self._first_id[number : number + 2]
        return torch.from_numpy(self.ids[start:end].astype(np.int64))


def _ends(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of a row of parts begins, and where the last one ends."""
    return np.concatenate([[0], lengths.cumsum()])
