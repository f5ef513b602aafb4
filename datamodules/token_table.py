"""The token ids of all captions of a split: computed once, and kept in a file where the captions are in one.

Shape legend: I token ids, C captions, N images.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.lazy_sequences import CaptionTable, LazySequence, flat_captions
from datamodules.tokenizers import CaptionTokenizer
from datamodules.tokenizers.caption_tokenizer import CaptionRates
from utils.cache_key import cache_key
from utils.files import atomic_open, mapped
from utils.progress import progress_bar

CHUNK = 10_000  # captions that are tokenized at once
MANY = 20_000  # captions, half a second of work: ids of so many are kept
FORMAT_VERSION = 2  # raised when older files can no longer be read

TokenIds = NDArray[np.integer[Any]]
"""Token ids, in two bytes each where the vocabulary allows it."""


class TokenTable(LazySequence[list[TokenIds]]):
    """The captions of each image as token ids.

    Args:
        ids_I: Those of all captions, one after the other.
        caption_ends_C: Where each caption ends in `ids_I`.
        image_ends_N: How many captions there are up to and with each image.
    """

    def __init__(self, ids_I: TokenIds, caption_ends_C: NDArray[np.int64], image_ends_N: NDArray[np.int64]) -> None:
        self.ids_I = ids_I
        self.caption_ends_C = caption_ends_C
        self.image_ends_N = image_ends_N

    def __len__(self) -> int:
        return len(self.image_ends_N)

    def captions_of(self, index: int) -> slice:
        """Return which of all captions are those of image `index`."""
        return slice(int(self.image_ends_N[index - 1]) if index else 0, int(self.image_ends_N[index]))

    def item(self, index: int) -> list[TokenIds]:
        captions = self.captions_of(index)
        if captions.start == captions.stop:
            return []
        start = int(self.caption_ends_C[captions.start - 1]) if captions.start else 0
        bounds = (start, *self.caption_ends_C[captions].tolist())
        return [self.ids_I[before:end] for before, end in pairwise(bounds)]

    def rates(self, tokenizer: CaptionTokenizer) -> CaptionRates:
        """Return how much of the captions has got lost (see `CaptionTokenizer.rates`)."""
        vocabulary = tokenizer.vocabulary
        num_captions = len(self.caption_ends_C)
        whole = int((self.ids_I[self.caption_ends_C - 1] == vocabulary.eos_id).sum())
        num_words = len(self.ids_I) - num_captions * len(vocabulary.prefix) - whole
        unknown = 0 if vocabulary.unk_id is None else int((self.ids_I == vocabulary.unk_id).sum())
        return CaptionRates(unknown / max(num_words, 1), (num_captions - whole) / max(num_captions, 1))


def tokenize_or_load(
    captions: Sequence[Sequence[str]], tokenizer: CaptionTokenizer, *, cache_dir: Path | None = None
) -> TokenTable:
    """Return the token ids of captions.

    Those of `MANY` captions or more are kept in `cache_dir` and mapped into memory.

    Args:
        captions: Of each image.
        tokenizer: Makes the ids.
        cache_dir: Its folder `tokens` keeps them; None keeps them in memory.
    """
    texts = flat_captions(captions)
    image_ends_N = (
        captions.ends_N if isinstance(captions, CaptionTable) else np.cumsum([len(of_image) for of_image in captions])
    )
    if len(texts) < MANY or cache_dir is None:
        chunks = [*_tokenized(texts, tokenizer)]
        ids_I = np.concatenate([ids for ids, _ in chunks] or [np.empty(0, id_type(tokenizer))])
        lengths_C = np.concatenate([lengths for _, lengths in chunks] or [np.empty(0, np.int64)])
        return TokenTable(ids_I, np.cumsum(lengths_C), image_ends_N)
    key = cache_key(version=FORMAT_VERSION, tokenizer=tokenizer.to_json(), captions=captions)
    path = cache_dir / "tokens" / f"{key}.ids"
    if not path.exists():
        with atomic_open(path, "wb") as file:
            _write(file, texts, tokenizer)
    dtype = np.dtype(id_type(tokenizer))
    ends_C = mapped(path, np.int64, len(texts))
    num_ids = (path.stat().st_size - ends_C.nbytes) // dtype.itemsize
    return TokenTable(mapped(path, dtype, num_ids, offset=ends_C.nbytes), ends_C, image_ends_N)


def id_type(tokenizer: CaptionTokenizer) -> type[np.integer[Any]]:
    """Return the type that token ids are kept as."""
    return np.uint16 if tokenizer.vocabulary.size <= 2**16 else np.int32


def _write(file: IO[bytes], captions: Sequence[str], tokenizer: CaptionTokenizer) -> None:
    """Write where each caption ends, and then all ids."""
    ends_C = np.empty(len(captions), np.int64)
    file.seek(ends_C.nbytes)
    done = num_ids = 0
    with progress_bar(total=len(ends_C), desc="tokenizing captions", unit="caption") as progress:
        for ids, lengths in _tokenized(captions, tokenizer):
            file.write(ids.tobytes())
            ends_C[done : done + len(lengths)] = num_ids + np.cumsum(lengths)
            done, num_ids = done + len(lengths), num_ids + len(ids)
            progress.update(len(lengths))
    file.seek(0)
    file.write(ends_C.tobytes())


def _tokenized(captions: Sequence[str], tokenizer: CaptionTokenizer) -> Iterator[tuple[TokenIds, NDArray[np.int64]]]:
    """Yield the ids of some captions at a time, one after the other, and how many each has."""
    iterator = iter(captions)
    while chunk := [*islice(iterator, CHUNK)]:
        encoded = tokenizer.encode_batch(chunk)
        ids = np.fromiter((number for ids in encoded for number in ids), id_type(tokenizer))
        yield ids, np.array([len(ids) for ids in encoded], np.int64)
