"""The files of the image folder by their names, however these are written down."""

import logging
import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from datamodules.image_files.formats import IMAGE_SUFFIXES, looks_like_a_picture
from utils.display import first_names

log = logging.getLogger(__name__)


def name_of(file: Path) -> str:
    """Return a file's name as text in Unicode's composed form: macOS takes names apart, lists have them in one piece.

    Bytes that are not UTF-8, as archives of other systems leave them, become lone surrogates.
    """
    return composed(os.fsencode(file.name).decode("utf-8", "surrogateescape"))


def composed(name: str) -> str:
    """Return a name in the composed form of Unicode, NFC."""
    return unicodedata.normalize("NFC", name)


def files_by_name(folder: Path) -> dict[str, Path]:
    """Return the files of a folder.

    Raises:
        ValueError: Two names differ in nothing but their Unicode form.
    """
    files: dict[str, Path] = {}
    for file in folder.iterdir():
        other = files.setdefault(name_of(file), file)
        if other != file:
            raise ValueError(
                f"{folder}: expected each name once, got two files {other.name!a} and {file.name!a}, which "
                f"differ in the form of their accents alone; remove one of them"
            )
    return files


def without_captions(files: Mapping[str, Path], captioned: Iterable[str]) -> list[str]:
    """Return the names of the pictures that have no captions, in order; hidden files are none.

    Those in formats that are not read are logged: their number and the first names.
    """
    others = {name: file for name, file in files.items() if not name.startswith(".")}
    for name in captioned:
        others.pop(name, None)
    pictures = sorted(name for name in others if Path(name).suffix.lower() in IMAGE_SUFFIXES)
    unread = sorted(name for name in others.keys() - {*pictures} if looks_like_a_picture(others[name]))
    if unread:
        log.warning(
            "%d files look like pictures, but are not read and have no captions (%s); convert them to JPEG",
            len(unread), first_names(unread),
        )  # fmt: skip
    return pictures
