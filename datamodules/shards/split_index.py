"""The index of all shards of a split, in files that every process maps into memory.

Shape legend: N samples of all shards, S shards.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.lazy_sequences import CaptionTable, Texts
from datamodules.random_split import Draw
from datamodules.shards.shard_index import COLUMNS, CUMULATIVE, FORMAT_VERSION, ShardIndex
from datamodules.shards.tar_reading import index_shard
from datamodules.shards.urls import is_remote, opened
from utils.cache_key import cache_key, sources_of
from utils.files import atomic_write_text, mapped
from utils.progress import progress_bar

log = logging.getLogger(__name__)

SUFFIX = ".index.npz"  # in place of .tar: the index that lies beside a shard
ABOUT = "about.json"
THREADS = 4  # that read shards at once


def index_name(shard: str) -> str:
    """Return the name of the index that lies beside a shard."""
    return shard.removesuffix(".tar") + SUFFIX


class SplitIndex:
    """The samples of all shards of a split, in the order of the shards.

    Args:
        folder: Where `load_index` has put it.

    Attributes:
        shards: The addresses of the shards.
        tar_bytes: Their sizes.
        ends_S: How many samples there are up to and with each shard.
        problems: What cannot be used, as of `ShardIndex`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        self.shards: list[str] = about["shards"]
        self.tar_bytes: list[int] = about["tar_bytes"]
        self.ends_S = np.array(about["ends"], np.int64)
        self.problems: list[tuple[str, str]] = [(kind, name) for kind, name in about["problems"]]
        self._shapes: dict[str, list[int]] = about["shapes"]
        self._checksums: dict[str, str] = about["checksums"]
        self._columns = {name: self._mapped(name) for name in COLUMNS}

    def __len__(self) -> int:
        return int(self.ends_S[-1])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column (see `COLUMNS`) of all samples."""
        return self._columns[name]

    def __reduce__(self) -> tuple[Callable[[Path], "SplitIndex"], tuple[Path]]:
        return SplitIndex, (self.folder,)  # a process that is spawned maps the files, too

    @property
    def captions(self) -> CaptionTable:
        texts = Texts(self["text"], self["text_ends"], self.checksum("text", "text_ends"))
        return CaptionTable(texts, self["caption_ends"], self.checksum("text", "text_ends", "caption_ends"))

    @property
    def names(self) -> Texts:
        return Texts(self["names"], self["name_ends"], self.checksum("names", "name_ends"))

    def checksum(self, *columns: str) -> str:
        """Return a checksum of columns."""
        return cache_key(**{name: self._checksums[name] for name in columns})

    def shard_of(self, number: int) -> int:
        """Return which shard a sample is in."""
        return int(np.searchsorted(self.ends_S, number, side="right"))

    def _mapped(self, name: str) -> NDArray[Any]:
        shape = self._shapes[name]
        return mapped(self.folder / name, COLUMNS[name], int(np.prod(shape))).reshape(shape)


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
    """Write the columns of all shards, one after the other, into a folder that then takes its place at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:8]}-"))
    try:
        files = {name: (unfinished / name).open("wb") for name in COLUMNS}
        try:
            about = _write(shards, indices, files)
        finally:
            for file in files.values():
                file.close()
        atomic_write_text(unfinished / ABOUT, json.dumps(about))
        if not (folder / ABOUT).exists():  # unless another run was faster
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(unfinished, folder)  # noqa: PTH105 (raises where another run has just put its own there)
    except OSError:
        if not (folder / ABOUT).exists():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(shards: Sequence[str], indices: Iterable[ShardIndex], files: Mapping[str, IO[bytes]]) -> dict[str, Any]:
    checksums = {name: hashlib.sha256() for name in COLUMNS}
    lengths = dict.fromkeys(COLUMNS, 0)
    tar_bytes: list[int] = []
    ends: list[int] = []
    problems: list[tuple[str, str]] = []
    num_keys = 0
    for shard, index in zip(shards, indices, strict=True):
        columns = index.columns
        if len(index) and num_keys not in (0, columns["keys"].shape[1]):
            raise ValueError(
                f"{index_name(shard)}: expected {num_keys} keys of each image, as in the indices before it, got "
                f"{columns['keys'].shape[1]}; write all shards of a split in the same way"
            )
        num_keys = columns["keys"].shape[1] if len(index) else num_keys
        before = dict(lengths)
        for name in COLUMNS:
            content = columns[name] + before[CUMULATIVE[name]] if name in CUMULATIVE else columns[name]
            data = np.ascontiguousarray(content, COLUMNS[name]).tobytes()
            files[name].write(data)
            checksums[name].update(data)
            lengths[name] += len(content)
        tar_bytes.append(index.tar_bytes)
        ends.append(lengths["offset"])
        problems += index.problems
    shapes = {name: [length, num_keys or 1] if name == "keys" else [length] for name, length in lengths.items()}
    return {
        "shards": [*shards],
        "tar_bytes": tar_bytes,
        "ends": ends,
        "problems": problems,
        "shapes": shapes,
        "checksums": {name: checksum.hexdigest() for name, checksum in checksums.items()},
    }
