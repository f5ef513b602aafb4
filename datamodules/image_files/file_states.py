"""Tells whether any of very many files changed, without keeping their names in memory."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

State = tuple[int, int, int]
"""A file's size in bytes, and the times of the last changes of its content and of the file, in nanoseconds."""


def state_of(path: str | Path) -> State:
    """Return the size of a file and the times of its last changes."""
    return _state(os.stat(path))  # noqa: PTH116 - of very many


def _state(status: os.stat_result) -> State:
    # who changes a file may set its other times, but not that of the change itself
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def states_of(places: Iterable[Path], *, but: Path) -> str:
    """Return a checksum of the names and states of files, and of all files in folders and their subfolders.

    Links are followed. Hidden subfolders are left out.

    Args:
        places: The files and folders.
        but: A folder that is left out, for what is written there makes no difference.
    """
    checksum = hashlib.sha256()
    seen = {os.path.realpath(but)}
    waiting = [str(place) for place in places if not _note(str(place), checksum)]
    while waiting:
        folder = waiting.pop()
        place = os.path.realpath(folder)
        if place in seen:  # links may lead in a circle
            continue
        seen.add(place)
        for name in _names_in(folder, checksum):
            path = f"{folder}/{name}"
            if not _note(path, checksum) and not name.startswith("."):
                waiting.append(path)
    return checksum.hexdigest()


def _names_in(folder: str, checksum: "hashlib._Hash") -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - of very many
    except OSError as error:
        checksum.update(os.fsencode(f"{folder}\0{error.errno}\0"))
        return []


def _note(path: str, checksum: "hashlib._Hash") -> bool:
    """Add a file to a checksum; return False for a folder."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:  # such as a link to nothing
        checksum.update(os.fsencode(f"{path}\0{error.errno}\0"))
        return True
    if stat.S_ISDIR(status.st_mode):
        return False
    checksum.update(os.fsencode(f"{path}\0{_state(status)}\0"))
    return True
