"""Where shards are, and how they are opened: files, `http(s)` and other addresses, and commands that print a tar."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO

from utils.extras import require_libraries

REMOTE = re.compile(r"(pipe|[a-z][a-z0-9+.-]+):", re.IGNORECASE)  # not C:\
GLOB = re.compile(r"[*?\[]")
WRITTEN = {
    "hf-rows": "datamodules.hugging_face.row_stream"
}  # modules whose `open_shard` writes a shard when it is read


def is_remote(url: str) -> bool:
    """Return whether a shard is no file of this machine."""
    return REMOTE.match(url) is not None


def expand(spec: str | Sequence[str], root: str, key: str) -> list[str]:
    """Return the shards that a setting names, in its order.

    Args:
        spec: Names with braces, `train-{00000..00099}.tar`, or, of files, with `*`; one or a list. A name without an
            address or a leading `/` is one in the root.
        root: A folder or an address.
        key: The setting, for errors.

    Raises:
        ValueError: A file is missing, or there is none at all.
    """
    shards = [shard for one in ([spec] if isinstance(spec, str) else spec) for shard in _expanded(one, root, key)]
    if not shards:
        raise ValueError(f"{key}={spec!r}: expected the names of shards such as train-*.tar, got none; name some")
    repeated = next((shard for number, shard in enumerate(shards) if shard in shards[:number]), None)
    if repeated is not None:
        raise ValueError(f"{key}={spec!r} names the shard {repeated} twice; name it once")
    return shards


def _expanded(spec: str, root: str, key: str) -> Iterator[str]:
    names = library().shardlists.expand_urls(spec)
    for name in names:
        if is_remote(name):
            yield name
        elif is_remote(root) and not name.startswith("/"):
            if "*" in name:
                raise ValueError(
                    f"{key}={spec}: the shards of an address cannot be listed; name them with braces, such as "
                    f"train-{{00000..00099}}.tar"
                )
            yield f"{root.rstrip('/')}/{name}"
        else:
            yield from _files(Path(root, name).expanduser(), key)


def _files(path: Path, key: str) -> list[str]:
    if not GLOB.search(path.name):
        return [str(path)]  # whether it is there, is found out where all are
    found = sorted(map(str, path.parent.glob(path.name)))
    if not found:
        reason = "none of them is there" if path.parent.is_dir() else f"there is no folder {path.parent}"
        random = "" if key == "data.shards" else ", or set data.split=[0.98,0.01,0.01] for a random split of *.tar"
        raise ValueError(f"{key}: expected shards {path}, but {reason}; correct {key} or data.root{random}")
    return found


@contextmanager
def opened(url: str) -> Iterator[IO[bytes]]:
    """Open a shard for reading from its start to its end.

    Raises:
        ValueError: It cannot be reached, or breaks off.
    """
    if not is_remote(url):
        with Path(url).open("rb") as file:
            yield file
        return
    scheme = url.partition(":")[0]
    if scheme in WRITTEN:
        with import_module(WRITTEN[scheme]).open_shard(url) as file:
            yield file
        return
    try:
        with library().gopen(url) as stream:
            yield stream
    except OSError as error:  # of the command, or of curl, which tells no more than its exit status
        raise ValueError(
            f"{url}: cannot be read ({_reason(error)}); check the address and the network, or fetch the shards and set "
            f"data.root to their folder"
        ) from error


def _reason(error: OSError) -> str:
    status = re.search(r"exit -?\d+", str(error))
    return status[0] if status else error.strerror or str(error)


def library() -> ModuleType:
    """Return the library `webdataset`.

    Raises:
        ValueError: It is not installed.
    """
    require_libraries("what reads tar shards", "webdataset", extra="webdataset")
    import webdataset

    return webdataset
