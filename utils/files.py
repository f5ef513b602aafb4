"""Files that are either there in full or not there."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LONGEST = 40  # letters of a file's name in that of its temporary file, which gets more than the system allows else


@contextmanager
def atomic_open(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing under a temporary name; moved into place at the end, so that nobody ever sees half of it.

    Several processes may write the same file at once; the last one wins. After an error the file is as it was.

    Args:
        path: The file; its folder is made.
        mode: `w` for text in UTF-8, `wb` for bytes. What is no Unicode in a text, as names of files may have it, is
            escaped as JSON does it.

    Raises:
        OSError: The file cannot be written; it is named, and not the temporary one.
    """
    encoding, errors = (None, None) if "b" in mode else ("utf-8", "backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:LONGEST]}.")
        with os.fdopen(handle, mode, encoding=encoding, errors=errors) as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # a temporary file is its owner's alone
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and _is_of_temporary(error, path):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _is_of_temporary(error: OSError, path: Path) -> bool:
    """Return whether an error is of writing the temporary file of `path`, and not of another one that is read."""
    return error.filename is None or Path(os.fsdecode(error.filename)).name.startswith(f".{path.name[:LONGEST]}.")


def atomic_write_text(path: Path, text: str) -> None:
    """Write a text with `atomic_open`."""
    with atomic_open(path) as file:
        file.write(text)


@contextmanager
def new_folder(path: Path, option: str = "") -> Iterator[Path]:
    """Yield a folder to write into under a temporary name beside `path`; moved into place at the end, whole.

    After an error nothing of it is left.

    Args:
        path: The folder, which must not be there, or be empty.
        option: What names it on the command line, before its name in errors.

    Raises:
        ValueError: Something of that name is there already.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(f"{option}{path}: something is there already, and would be lost; name a folder that is not")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:LONGEST]}."))
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)  # a temporary folder is its owner's alone
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def file_checksum(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mapped(path: Path, dtype: DTypeLike, length: int, *, offset: int = 0) -> NDArray[Any]:
    """Return `length` values of a binary file, mapped into memory for reading.

    Args:
        path: The file.
        dtype: Of the values.
        length: How many; 0 of an empty file, which cannot be mapped, is an empty array.
        offset: Bytes before them.

    Raises:
        ValueError: The file is too short.
    """
    if not length:
        return np.empty(0, dtype)
    return np.asarray(np.memmap(path, dtype, "r", offset, (length,)))  # parts of a plain array take a sixth of the time


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds this file's lock, and hold it; the file is made if it is missing.

    The system lets go of it whenever its process ends. Where the file system has no locks, nothing is waited for.
    """
    with path.open("ab") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
