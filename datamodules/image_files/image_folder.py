"""The files of the image folder by their names, however these are written down."""

import logging
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from datamodules.annotations.image_lookup import ImageLookup
from datamodules.annotations.reference_image import ReferenceImage
from datamodules.image_files.formats import IMAGE_SUFFIXES, looks_like_a_picture
from utils.display import first_names

log = logging.getLogger(__name__)

LEFT_BY_SYSTEMS = ("__MACOSX",)  # folders of macOS's archives, whose files look like images by name
NUMBERED_BY_COCO = "COCO_"  # COCO_val2014_000000000042.jpg of 2014 is 000000000042.jpg of 2017
TEXTS = frozenset({".txt", ".json", ".jsonl", ".csv", ".tsv", ".parquet", ".md"})  # never taken for pictures


def name_of(file: Path) -> str:
    """Return a file's name as text in Unicode's composed form: macOS takes names apart, lists have them in one piece.

    Bytes that are not UTF-8, as archives of other systems leave them, become lone surrogates.
    """
    return _as_text(file.name)


def composed(name: str) -> str:
    """Return a name in the composed form of Unicode, NFC."""
    return unicodedata.normalize("NFC", name)


def suffix_of(name: str) -> str:
    """Return the end of a name from its last dot on, in small letters; "" without any."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a path of each of very many names takes long


def _as_text(name: str) -> str:
    return name if name.isascii() else composed(os.fsencode(name).decode("utf-8", "surrogateescape"))


class ImageFolder:
    """A folder with its subfolders, which are looked through once; hidden folders are left out.

    Args:
        folder: It may be a link.

    Attributes:
        files: The path of each file, by its name from the folder on, with "/" between folders.
        links: Those that are links, or lie in folders that are.

    Raises:
        ValueError: Two names differ in nothing but their Unicode form, or a folder cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self.links: dict[str, str] = {}
        real = os.path.realpath(folder)
        waiting, seen = [("", str(folder), real, False)], {real}
        while waiting:
            waiting += self._look_into(*waiting.pop(), seen)

    def _look_into(
        self, name: str, path: str, real: str, is_linked: bool, seen: set[str]
    ) -> list[tuple[str, str, str, bool]]:
        """Note the files of one folder, and return its subfolders."""
        subfolders = []
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            raise ValueError(f"{path}: expected a readable folder, got '{error.strerror}'; check the path") from error
        for entry in entries:
            entry_name, linked = name + _as_text(entry.name), is_linked or entry.is_symlink()
            if _is_folder(entry):
                place = os.path.realpath(entry.path) if entry.is_symlink() else f"{real}/{entry.name}"
                if not entry.name.startswith(".") and entry.name not in LEFT_BY_SYSTEMS and place not in seen:
                    seen.add(place)  # links may lead in a circle
                    subfolders.append((f"{entry_name}/", entry.path, place, linked))
                continue
            other = self.files.setdefault(entry_name, entry.path)
            if other != entry.path:
                names = [os.path.basename(file) for file in (other, entry.path)]  # noqa: PTH119 - may be no text
                raise ValueError(
                    f"{path}: expected each name once, got two files {names[0]!a} and {names[1]!a}, which "
                    f"differ in the form of their accents alone; remove one of them"
                )
            if linked:
                self.links[entry_name] = entry.path
        return subfolders[::-1]

    def find(self, name: str, within: str = "") -> list[str]:
        """Return the names of the files that an image may be; none, one, or several.

        A name is looked for in the folder `within`, from the folder on, without its first folders, and in all
        subfolders; a name without extension, and one of COCO's, then as `ImageLookup` does.

        Args:
            name: What it is called.
            within: The subfolder of the file that names it, with "/" at its end; "" for the folder itself.
        """
        if within and within + name in self.files:
            return [within + name]
        rest = name.removeprefix("./")
        while rest:
            if rest in self.files:
                return [rest]
            rest = rest.partition("/")[2]
        file = name.rpartition("/")[2]
        if found := self._by_file_name.get(file, ()):
            return [*found]
        if suffix_of(file) in IMAGE_SUFFIXES and not file.startswith(NUMBERED_BY_COCO):
            return []
        number = self._lookup.loose(name)
        return [] if number is None else [self._pictures[number]]

    @cached_property
    def _by_file_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[name.rpartition("/")[2]].append(name)
        return found

    @cached_property
    def _pictures(self) -> list[str]:
        return [name for name in self.files if suffix_of(name) in IMAGE_SUFFIXES and not is_hidden(name)]

    @cached_property
    def _lookup(self) -> ImageLookup:
        return ImageLookup([ReferenceImage((name,), []) for name in self._pictures])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def is_hidden(name: str) -> bool:
    """Return whether a file's name, without its folders, begins with a dot."""
    return name.rpartition("/")[2].startswith(".")


def without_captions(files: Mapping[str, str], captioned: Iterable[str]) -> list[str]:
    """Return the names of the pictures that have no captions, in order; hidden files are none.

    Those in formats that are not read are logged: their number and the first names.
    """
    others = {name: file for name, file in files.items() if not is_hidden(name)}
    for name in captioned:
        others.pop(name, None)
    pictures = sorted(name for name in others if suffix_of(name) in IMAGE_SUFFIXES)
    rest = sorted(name for name in others.keys() - {*pictures} if suffix_of(name) not in TEXTS)
    unread = [name for name in rest if looks_like_a_picture(Path(others[name]))]
    if unread:
        log.warning(
            "%d files look like pictures, but are not read and have no captions (%s); convert them to JPEG",
            len(unread), first_names(unread),
        )  # fmt: skip
    return pictures
