"""Files as checked text and strict JSON."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

MAX_BYTES = 500_000_000  # the largest file in common use, Karpathy's splits of COCO, has about 150 MB


class SourceFile(NamedTuple):
    """Which file something was read from.

    Attributes:
        path: Where it was.
        sha256: Of its bytes, in hexadecimal.
    """

    path: Path
    sha256: str


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> tuple[SourceFile, str]:
    """Return a file and its text, without a byte order mark and never blank; at most `max_bytes` are taken in.

    Raises:
        ValueError: It is missing, not a file, too large, not UTF-8, or blank.
    """
    try:
        size = path.stat().st_size  # 0 of a pipe
        with path.open("rb") as file:
            content = file.read(max_bytes + 1) if size <= max_bytes else b""
    except OSError as error:
        raise ValueError(f"{path}: expected a readable file, got '{error.strerror}'; check the path") from error
    if max(size, len(content)) > max_bytes:
        raise ValueError(
            f"{path}: expected at most {max_bytes / 1e6:g} MB, got more; "
            f"check that it is the right file, or allow more with --max-megabytes"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, got {error}; convert the file to UTF-8") from error
    if not text.strip():
        raise ValueError(f"{path}: expected captions, got an empty file; write it again")
    return SourceFile(path, hashlib.sha256(content).hexdigest()), text


def parse_json(text: str, path: Path) -> Any:
    """Return the value that a JSON file holds, by the letter of the standard.

    Raises:
        ValueError: It is no JSON: cut short, NaN or Infinity, nested too deeply; or an object says a key twice.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected JSON, got {_reason(error)}; write the file again") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in fields if names.count(name) > 1)
        raise ValueError(f"an object with the key {repeated!r} twice")
    return fields


def _reason(error: Exception) -> str:
    return "lists within lists, too deep to read" if isinstance(error, RecursionError) else f"'{error}'"
