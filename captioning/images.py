"""Which image files a command line means."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))


def find_images(paths: Iterable[Path]) -> list[Path]:
    """Return the files as given and, in order, the images of each folder and of each glob; each file once.

    Args:
        paths: Files, folders, and globs such as `photos/**/*.jpg`. A file that is there is no glob, whatever its name.

    Raises:
        ValueError: A path is none of these, or a folder or a glob holds no image.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for image in _images_of(path):
            found.setdefault(identity(image), image)
    return [*found.values()]


def identity(path: Path) -> Path:
    """Return what is the same for `a.jpg` and `./a.jpg`, but not for two links to one file."""
    return path.parent.resolve() / path.name


def _images_of(path: Path) -> list[Path]:
    if path.is_dir():
        images = _images_in(path)
        if not images:
            raise ValueError(f"{path}: the folder holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
        return images
    if path.exists():
        return [path]
    if not glob.has_magic(str(path)):
        raise ValueError(f"{path}: there is no such file or folder")
    images = [image for match in _matches(path) for image in (_images_in(match) if match.is_dir() else [match])]
    if not images:
        raise ValueError(f"{path}: the glob matches no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return images


def _images_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if _is_image(file))


def _matches(pattern: Path) -> Iterator[Path]:
    """Yield the folders and images that a glob means, sorted."""
    for match in sorted(map(Path, glob.glob(str(pattern), recursive=True))):  # noqa: PTH207 (`**` and hidden files as in a shell)
        if match.is_dir() or _is_image(match):
            yield match


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES
