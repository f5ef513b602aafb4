"""The index of all shards of a split, in files that every process maps into memory.

Shape legend: N samples of all shards, S shards.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.column_files import ABOUT, ColumnFiles, new_columns
from datamodules.random_split import Draw
from datamodules.shards.shard_index import COLUMNS, FORMAT_VERSION, ShardIndex
from datamodules.shards.tar_reading import index_shard
from datamodules.shards.urls import is_remote, opened
from utils.cache_key import cache_key, sources_of
from utils.progress import progress_bar

log = logging.getLogger(__name__)

SUFFIX = ".index.npz"  # in place of .tar: the index that lies beside a shard
THREADS = 4  # that read shards at once


def index_name(shard: str) -> str:
    """Return the name of the index that lies beside a shard."""
    return shard.removesuffix(".tar") + SUFFIX


class SplitIndex(ColumnFiles):
    """The samples of all shards of a split, in the order of the shards.

    Args:
        folder: Where `load_index` has put it.

    Attributes:
        shards: The addresses of the shards.
        tar_bytes: Their sizes.
        ends_S: How many samples there are up to and with each shard.
        problems: What cannot be used, as of `ShardIndex`.
    """

    types = COLUMNS

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.shards: list[str] = self.about["shards"]
        self.tar_bytes: list[int] = self.about["tar_bytes"]
        self.ends_S = np.array(self.about["ends"], np.int64)
        self.problems: list[tuple[str, str]] = [(kind, name) for kind, name in self.about["problems"]]

    def __len__(self) -> int:
        return int(self.ends_S[-1])

    def shard_of(self, number: int) -> int:
        """Return which shard a sample is in."""
        return int(np.searchsorted(self.ends_S, number, side="right"))


def load_index(shards: Sequence[str], *, cache_dir: Path, label: str, draw: Draw | None = None) -> SplitIndex:
    """Return the index of shards: from the cache, from the files beside them, or from one pass over them.

    Args:
        shards: Their addresses, as of `urls.expand`.
        cache_dir: Where indices are kept, by the shards' names, sizes and times.
        label: What the progress bar is of.
        draw: Which samples are of the split, by the first key of each; None for all.

    Raises:
        ValueError: A shard is missing, is not as its index has it, cannot be reached, or is cut short.
    """
    drawn = {} if draw is None else {"draw": [*draw, sources_of("datamodules.random_split")]}
    key = cache_key(version=FORMAT_VERSION, shards=[_state(shard) for shard in shards], **drawn)
    folder = cache_dir / "split" / key
    if not (folder / ABOUT).exists():
        found = _indices(shards, cache_dir / "shard")
        if draw is not None:
            found = (index.take(np.flatnonzero(draw.holds(index.columns["keys"][:, 0]))) for index in found)
        bar = progress_bar(found, total=len(shards), desc=f"indexing {label} shards", unit="shard")
        _join(shards, bar, folder)
    return SplitIndex(folder)


def _state(shard: str) -> list[str | int]:
    if is_remote(shard):
        return [shard]
    try:
        state = Path(shard).stat()
    except OSError as error:
        raise ValueError(
            f"{shard}: there is no such shard ({error.strerror}); bring it back, or correct the names of the shards"
        ) from error
    return [shard, state.st_size, state.st_mtime_ns]


def _indices(shards: Sequence[str], cache: Path) -> Iterator[ShardIndex]:
    """Yield the index of each shard; a few are made at once, and no more are in memory."""
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(shards), THREADS):
            yield from pool.map(lambda shard: _index_of(shard, cache), shards[start : start + THREADS])


def _index_of(shard: str, cache: Path) -> ShardIndex:
    beside = _beside(shard)
    if beside is not None:
        return beside
    kept = cache / f"{cache_key(version=FORMAT_VERSION, shard=_state(shard))}.npz"
    found = ShardIndex.parse(kept.read_bytes()) if kept.exists() else None
    if found is None:
        found = index_shard(shard)
        found.save(kept)
    return found


def _beside(shard: str) -> ShardIndex | None:
    """Return the index beside a shard.

    Raises:
        ValueError: The shard has another size than its index has it.
    """
    name = index_name(shard)
    if is_remote(shard):
        if not shard.startswith(("http://", "https://")):
            return None
        try:
            with opened(name) as stream:
                return ShardIndex.parse(stream.read())
        except ValueError:  # there may be none
            return None
    if not Path(name).is_file():
        return None
    index = ShardIndex.parse(Path(name).read_bytes())
    size = Path(shard).stat().st_size
    if index is None:
        log.warning("reading the shard: its index %s is damaged, or of another version", name)
    elif index.tar_bytes != size:
        state = "is cut short" if size < index.tar_bytes else "was changed"
        raise ValueError(
            f"{shard}: the shard {state}: expected {index.tar_bytes:,} bytes, as its index has it, got {size:,}; write "
            f"or copy it again, or remove {name}, which is then made anew"
        )
    return index


def _join(shards: Sequence[str], indices: Iterable[ShardIndex], folder: Path) -> None:
    """Write the columns of all shards, one after the other."""
    about: dict[str, Any] = {"shards": [*shards], "tar_bytes": [], "ends": [], "problems": []}
    num_keys = 0
    with new_columns(folder, COLUMNS, about) as writer:
        for shard, index in zip(shards, indices, strict=True):
            if len(index) and num_keys not in (0, index.columns["keys"].shape[1]):
                raise ValueError(
                    f"{index_name(shard)}: expected {num_keys} keys of each image, as in the indices before it, got "
                    f"{index.columns['keys'].shape[1]}; write all shards of a split in the same way"
                )
            num_keys = index.columns["keys"].shape[1] if len(index) else num_keys
            writer.add(index.columns)
            about["tar_bytes"].append(index.tar_bytes)
            about["ends"].append(writer.lengths["offset"])
            about["problems"] += index.problems
