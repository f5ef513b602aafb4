"""Files as checked text and strict JSON."""

import hashlib
import json
import re
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
        ValueError: It is missing, not a file, too large, no text, not UTF-8, or blank.
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
    kind = kind_of_file(content)
    if kind is not None:
        raise ValueError(f"{path}: expected text as JSON, got {kind[0]}; {kind[1]}")
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
        ValueError: It is no JSON: cut short, NaN or Infinity, nested too deeply; or an object has a key twice.
    """

    values = parse_json_values(text, path)
    if len(values) > 1:
        line = values[1][0]
        raise ValueError(f"{path}: expected JSON, got another value after its end on line {line}; write the file again")
    return values[0][1]


def parse_json_values(text: str, path: Path) -> list[tuple[int, Any]]:
    """Return the values of a JSON file, which may be many (JSON Lines), each with the line that it begins on, from 1.

    Raises:
        ValueError: As for `parse_json`.
    """
    values: list[tuple[int, Any]] = []
    start, line = 0, 1
    while (begin := NOT_BLANK.search(text, start)) is not None:
        line += text.count("\n", start, begin.start())
        try:
            value, end = STRICT.raw_decode(text, begin.start())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: expected JSON, got {_reason(error)}; write the file again") from error
        values.append((line, value))
        line += text.count("\n", begin.start(), end)
        start = end
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in fields if names.count(name) > 1)
        raise ValueError(f"an object with the key {repeated!r} twice")
    return fields


NOT_BLANK = re.compile(r"[^ \t\r\n]")
STRICT = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)


def _reason(error: Exception) -> str:
    return "lists within lists, too deep to read" if isinstance(error, RecursionError) else f"'{error}'"


PARQUET = (
    'write it as JSON: pandas.read_parquet(FILE).to_json(OUT, orient="records"); or, for references, install pyarrow'
)
KINDS = (
    (b"PAR1", "a Parquet file", PARQUET),
    (b"ARROW1", "an Arrow file", "write it as JSON"),
    (b"\x1f\x8b", "a file compressed by gzip", "unpack it with gunzip"),
    (b"BZh", "a file compressed by bzip2", "unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "a file compressed by xz", "unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", "unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, and give the file inside"),
    (b"%PDF", "a PDF", "write its captions as JSON"),
    (b"SQLite format 3\x00", "an SQLite database", "write its captions as JSON"),
    (b"\x89HDF", "an HDF5 file", "write its captions as JSON"),
    (b"\x93NUMPY", "a NumPy array", "write its captions as JSON"),
    (b"\xff\xfe\x00\x00", "UTF-32 text", "convert the file to UTF-8: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\x00\x00\xfe\xff", "UTF-32 text", "convert the file to UTF-8: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\xff\xfe", "UTF-16 text", "convert the file to UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "UTF-16 text", "convert the file to UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
)
"""How a file begins, what it is then, and what to do."""

PICKLE = "a pickle", "it could run code and is never read; write its captions as JSON"
SPREADSHEET = "a spreadsheet", "save it as CSV in UTF-8"
ARCHIVE = "a zip archive", "unpack it, and give the file inside"
WIDE = (
    "text of two or four bytes a character, such as UTF-16",
    "convert the file to UTF-8: iconv -f UTF-16LE -t UTF-8 FILE",
)
BINARY = "a binary file", "check that it is the right one, or write its captions as JSON"

LOOKED_AT = 4096  # bytes


def kind_of_file(content: bytes) -> tuple[str, str] | None:
    """Return what a file is and how to make text of it; None if it may be text.

    Args:
        content: Of the file, at least its first 4,096 bytes.
    """
    for start, kind, advice in KINDS:
        if content.startswith(start):
            return kind, advice
    start = content[:LOOKED_AT]
    if start.startswith(b"PK\x03\x04"):
        return SPREADSHEET if b"[Content_Types].xml" in start or b"xl/" in start else ARCHIVE
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return PICKLE
    if start[257:262] == b"ustar":
        return "a tar archive", ARCHIVE[1]
    zeros = start.count(b"\x00")
    if not zeros:
        return None
    return WIDE if 3 * zeros > len(start) and any(not any(start[i::2]) for i in (0, 1)) else BINARY
