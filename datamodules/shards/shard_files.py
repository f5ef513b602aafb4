"""The bytes of samples, read from shards by their place: from files, or from copies of shards that are fetched."""

import os
import shutil
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from datamodules.image_files.reading import BadImageError
from datamodules.shards.urls import is_remote, opened
from utils.cache_key import cache_key
from utils.files import atomic_open, locked

MOST_OPEN = 64  # shards at once, in each process
COPY_AT_ONCE = 2**20  # bytes
LOCKS = 64


class ShardFiles:
    """Reads from shards at any place. A shard that is no file of this machine is fetched as a whole.

    Args:
        shards: Their addresses.
        tar_bytes: Their sizes.
        folder: Where fetched shards are kept.
        kept: How many fetched shards are kept at most, the latest; None for all.

    Attributes:
        any_remote: Whether any of the shards is to be fetched.
    """

    def __init__(
        self, shards: Sequence[str], tar_bytes: Sequence[int], folder: Path, *, kept: int | None = None
    ) -> None:
        self.shards = shards
        self.tar_bytes = tar_bytes
        self.folder = folder
        self.kept = kept
        self._handles: OrderedDict[int, int] = OrderedDict()
        self._fetching: dict[int, Future[Path]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self.any_remote = any(map(is_remote, shards))

    def read(self, shard: int, offset: int, size: int, crc: int, name: str) -> bytes:
        """Return the file of a sample's image.

        Args:
            shard: Which shard.
            offset: Bytes before it.
            size: Its bytes.
            crc: Their CRC-32.
            name: The sample's name, for errors.

        Raises:
            BadImageError: The shard is gone, cannot be fetched, or does not hold these bytes.
        """
        where = f"{self.shards[shard]}: {name}"
        try:
            content = os.pread(self._handle(shard), size, offset)
        except OSError as error:
            self._close(shard)
            raise BadImageError(f"{where}: the shard cannot be read ({error.strerror}); bring it back") from error
        except ValueError as error:  # it cannot be fetched
            raise BadImageError(f"{error} (for the sample {name})") from error
        if len(content) != size or zlib.crc32(content) != crc:
            self._close(shard)
            state = "is cut short" if len(content) < size else "was changed since it was indexed"
            raise BadImageError(f"{where}: the shard {state}; write or copy it again")
        return content

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Begin to fetch shards that will be read soon, in the background."""
        for shard in shards:
            if is_remote(self.shards[shard]) and shard not in self._fetching:
                self._pool = self._pool or ThreadPoolExecutor(1)
                self._fetching[shard] = self._pool.submit(self._fetched, shard)
        for shard in [shard for shard, future in self._fetching.items() if future.done()]:
            del self._fetching[shard]  # what went wrong, goes wrong again where the shard is read

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handles": OrderedDict(), "_fetching": {}, "_pool": None}

    def __del__(self) -> None:
        for shard in [*self._handles]:
            self._close(shard)

    def _handle(self, shard: int) -> int:
        """Return a handle of the shard's file; the last ones that were used stay open."""
        if shard not in self._handles:
            while len(self._handles) >= MOST_OPEN:
                self._close(next(iter(self._handles)))
            self._handles[shard] = self._opened(shard)
        self._handles.move_to_end(shard)
        return self._handles[shard]

    def _opened(self, shard: int) -> int:
        if not is_remote(self.shards[shard]):
            return os.open(self.shards[shard], os.O_RDONLY)
        while True:
            with suppress(FileNotFoundError):  # another process may have just removed it to make room
                return os.open(self._fetched(shard), os.O_RDONLY)

    def _close(self, shard: int) -> None:
        handle = self._handles.pop(shard, None)
        if handle is not None:
            os.close(handle)

    def _fetched(self, shard: int) -> Path:
        """Return the file of a shard, fetched by one process while the others wait for it.

        Raises:
            ValueError: It cannot be fetched, or has changed.
        """
        url = self.shards[shard]
        path = self.folder / f"{cache_key(url=url)[:32]}.tar"
        if path.exists():
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / f"lock-{shard % LOCKS}"):
            if not path.exists():
                with opened(url) as stream, atomic_open(path, "wb") as file:
                    shutil.copyfileobj(stream, file, COPY_AT_ONCE)
                    size = file.tell()
                    if size != self.tar_bytes[shard]:
                        raise ValueError(
                            f"{url}: expected {self.tar_bytes[shard]:,} bytes, as its index has it, got {size:,}: it "
                            f"was changed or broke off; write it again, or remove data.cache_dir's indices"
                        )
                self._make_room(path)
        return path

    def _make_room(self, newest: Path) -> None:
        if self.kept is None:
            return
        files = sorted(self.folder.glob("*.tar"), key=lambda path: (path != newest, -_time(path)))
        for path in files[self.kept :]:
            path.unlink(missing_ok=True)  # whoever reads it has it open


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
