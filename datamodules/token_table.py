"""The token ids of all captions of a split, in one array: a few bytes each, whatever their number.

Shape legend: I token ids, C captions, N images.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.tokenizers import CaptionTokenizer

CHUNK = 10_000  # captions that are tokenized at once


class TokenTable:
    """The captions of each image as token ids.

    Args:
        ids_I: Those of all captions, one after the other: `int32`.
        caption_ends_C: Where each caption ends in `ids_I`.
        image_ends_N: How many captions there are up to and with each image.
    """

    def __init__(
        self, ids_I: NDArray[np.int32], caption_ends_C: NDArray[np.int64], image_ends_N: NDArray[np.int64]
    ) -> None:
        self.ids_I = ids_I
        self.caption_ends_C = caption_ends_C
        self.image_ends_N = image_ends_N

    def __len__(self) -> int:
        return len(self.image_ends_N)

    def __getitem__(self, index: int) -> list[Tensor]:
        """Return the ids of each caption of image `index`, from 0."""
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index below {len(self)}, got {index}")
        first = int(self.image_ends_N[index - 1]) if index else 0
        ends = self.caption_ends_C[first : int(self.image_ends_N[index])].tolist()
        start = int(self.caption_ends_C[first - 1]) if first else 0
        ids = torch.from_numpy(self.ids_I[start : ends[-1] if ends else start].astype(np.int64))
        return [*ids.split(np.diff([start, *ends]).tolist())] if ends else []


def tokenize(captions: Sequence[Sequence[str]], tokenizer: CaptionTokenizer) -> TokenTable:
    """Return the token ids of the captions of each image."""
    chunks = [*_tokenized(chain.from_iterable(captions), tokenizer)]
    ids_I = np.concatenate([ids for ids, _ in chunks] or [np.empty(0, np.int32)])
    lengths_C = np.concatenate([lengths for _, lengths in chunks] or [np.empty(0, np.int64)])
    image_ends_N = np.cumsum([len(of_image) for of_image in captions], dtype=np.int64)
    return TokenTable(ids_I, np.cumsum(lengths_C), image_ends_N)


def _tokenized(
    captions: Iterator[str], tokenizer: CaptionTokenizer
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Yield the ids of some captions at a time, one after the other, and how many each has."""
    while chunk := [*islice(captions, CHUNK)]:
        encoded = tokenizer.encode_batch(chunk)
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        yield np.fromiter(chain.from_iterable(encoded), np.int32, int(lengths.sum())), lengths
