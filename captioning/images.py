"""Which image files a command line means."""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from captioning.globs import matches
from datamodules.image_files.formats import IMAGE_SUFFIXES, looks_like_a_picture
from utils.display import first_names
from utils.suggestions import beside


def find_images(paths: Iterable[Path]) -> list[Path]:
    """Return the files as given and, in order, the images of each folder and of each glob; each file once.

    Hidden files are images only by name, as in a shell. Of files that look like pictures and are left out, stderr has
    the number and the first names.

    Args:
        paths: Files, folders, and globs such as `photos/**/*.jpg`. A file that is there is no glob, whatever its name.

    Raises:
        ValueError: A path is none of these, or a folder or a glob holds no image.
    """
    found: dict[Path, Path] = {}
    real_folders: dict[Path, Path] = {}
    for path in paths:
        for image in _images_of(path):
            if image.parent not in real_folders:
                real_folders[image.parent] = Path(os.path.realpath(image.parent))
            # the same for `a.jpg` and `./a.jpg`, but not for two links to one file
            found.setdefault(real_folders[image.parent] / image.name, image)
    return [*found.values()]


def _images_of(path: Path) -> list[Path]:
    if path.is_dir():
        found, kind = [path], "folder holds"
    elif os.path.lexists(path):
        return [path]
    elif glob.has_magic(str(path)):
        found, kind = matches(path), "glob matches"
    else:
        raise ValueError(f"{path}: there is no such file or folder{beside(path)}; check the path")
    inside = [file for match in found if match.is_dir() for file in _files_in(match)]
    hidden = {file for file in inside if file.name.startswith(".")}
    files = sorted({*inside, *(match for match in found if not match.is_dir())} - hidden)
    images = [file for file in files if _is_image(file)]
    note = _left_out([file for file in files if not _is_image(file)], [*filter(_is_image, hidden)])
    if not images:
        raise ValueError(f"{path}: the {kind} no image ({', '.join(sorted(IMAGE_SUFFIXES))}){note and f'; {note}'}")
    if note:
        print(f"{path}: {note}", file=sys.stderr)
    return images


def _files_in(folder: Path) -> list[Path]:
    """Return a folder's files, without those that macOS keeps beside each (`._a.jpg`), which are no pictures."""
    files = [folder / name for name in os.listdir(folder) if not name.startswith("._")]  # noqa: PTH208 (faster)
    return [file for file in files if not file.is_dir()]


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES


def _left_out(others: Sequence[Path], hidden: Sequence[Path]) -> str:
    """Return how many pictures are left out, with the first names; nothing for none."""
    unread = [file for file in others if looks_like_a_picture(file)]
    notes = [f"{len(unread)} more look like pictures but are not read ({_first(unread)}); convert them to JPEG"]
    notes += [f"{len(hidden)} hidden are left out ({_first(hidden)}); name them one by one"]
    return "; ".join(note for note, files in zip(notes, (unread, hidden), strict=True) if files)


def _first(files: Sequence[Path]) -> str:
    return first_names(sorted(file.name for file in files))
