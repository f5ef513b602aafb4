"""Values of JSON files, checked one by one; `where` names the file and the row in errors."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from datamodules.annotations.problems import STRICT, LeftOut
from utils.suggestions import did_you_mean


def image_name(value: object, where: str) -> str:
    """Return the one name of an image, whether it is given as a number, as text of digits, or as a file name.

    42, "42" and "000042" are the same image, and so are an accented letter and a letter with its accent (NFC).

    Raises:
        ValueError: The value is neither a whole number nor text.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: expected an image's number or file name, got {shown(value)}; correct the row")
    value = unicodedata.normalize("NFC", value.strip())
    if value.isascii() and value.isdigit():
        return value.lstrip("0") or "0"
    return value


def caption_text(value: object, where: str) -> str:
    """Return a caption, which may be empty.

    Raises:
        ValueError: The value is not text, or holds half of a character.
    """
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected a caption as text, got {shown(value)}; correct or remove the row")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(
            f"{where}: expected a caption of whole characters, got half of a surrogate pair in {shown(value)}; "
            f"write the file again as UTF-8"
        )
    return value


def field(row: Mapping[str, Any], name: str, where: str) -> Any:
    """Return one field of a row.

    Raises:
        ValueError: The row has no such field.
    """
    if name not in row:
        raise ValueError(
            f"{where}: expected the field {name!r}, got only {listed(row)}{did_you_mean(name, row)}; add it"
        )
    return row[name]


def objects(value: object, where: str, left_out: LeftOut = STRICT) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each object of a list, with the place that errors name: rows count from 1.

    Raises:
        ValueError: The value is not a list, or one of its entries is not an object and is not left out.
    """
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list of objects, got {shown(value)}; docs/metrics.md lists the formats")
    for number, row in enumerate(value, start=1):
        at = f"{where} {number}"
        with left_out:
            if not isinstance(row, dict):
                raise ValueError(f"{at}: expected an object such as {{…}}, got {shown(row)}; correct or remove it")
        if isinstance(row, dict):
            yield at, row


def shown(value: object) -> str:
    """Return a value as JSON writes it, cut to a readable length."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def listed(names: Mapping[str, Any] | list[str], most: int = 3) -> str:
    """Return the first few names in quotes, and whether there are more; "nothing" if there is none."""
    first = ", ".join(repr(name) for name in list(names)[:most])
    return f"{first}, …" if len(names) > most else first or "nothing"
