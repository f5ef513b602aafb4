"""Where the images and captions of a data set lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from datamodules.annotations.columns import Columns
from datamodules.annotations.sidecars import text_beside
from datamodules.annotations.sniffing import may_hold_captions
from datamodules.image_files.formats import IMAGE_SUFFIXES
from datamodules.image_files.image_folder import ImageFolder, suffix_of
from datamodules.split import SplitName
from utils.suggestions import did_you_mean

SPLIT_NAMES: tuple[SplitName, ...] = ("train", "val", "test")


class Source(NamedTuple):
    """The files of a data set.

    Attributes:
        images: The folder of images; subfolders count.
        annotations: The file of all captions, one file for each split, or None for captions beside each image.
        lists: A list of images for each split; empty for none.
    """

    images: Path
    annotations: Path | Mapping[SplitName, Path] | None
    lists: Mapping[SplitName, Path]


def source_of(
    root: Path,
    images: str | None,
    annotations: str | Mapping[str, str | None] | None,
    lists: Mapping[str, str],
    columns: Columns,
) -> tuple[Source, ImageFolder]:
    """Return where the files are that the settings name, and look the image folder through.

    Args:
        root: The folder that paths begin at.
        images: The folder of images; None for the root.
        annotations: The file of captions, or one for each split; None for the one that is found: captions beside each
            image, or a single file of captions in the root.
        lists: A list of images for each split; empty for none.
        columns: Which columns hold what.

    Raises:
        ValueError: A folder or file is not there, or several files may hold the captions.
    """
    if not root.is_dir():
        raise ValueError(f"data.root={root}: expected a folder, got no such folder; check the path")
    folder_of_images = root / images if images else root
    if not folder_of_images.is_dir():
        raise ValueError(f"data.images={images}: expected a folder in data.root={root}, got none; check the path")
    folder = ImageFolder(folder_of_images)
    of_lists = {name: _file(root, path, f"data.split.{name}") for name, path in by_split(lists, "data.split").items()}
    if isinstance(annotations, Mapping):
        files = by_split({name: path for name, path in annotations.items() if path}, "data.annotations")
        found = {name: _file(root, path, f"data.annotations.{name}") for name, path in files.items()}
        return Source(folder_of_images, found, of_lists), folder
    if annotations is not None:
        return Source(folder_of_images, _file(root, annotations, "data.annotations"), of_lists), folder
    return Source(folder_of_images, _find_annotations(root, folder, columns, of_lists), of_lists), folder


def by_split(paths: Mapping[str, str], setting: str) -> dict[SplitName, str]:
    """Return paths by split, in the order of the splits.

    Raises:
        ValueError: There is none, or one is of something else than a split.
    """
    others = [str(name) for name in paths if name not in SPLIT_NAMES]
    if others:
        meant = did_you_mean(others[0], SPLIT_NAMES)
        raise ValueError(f"{setting}.{others[0]}: expected one of {', '.join(SPLIT_NAMES)}{meant}; rename it")
    return {name: paths[name] for name in SPLIT_NAMES if name in paths}


def _file(root: Path, path: str, setting: str) -> Path:
    file = root / Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"{setting}={path}: expected a file, got none at {file}; check the path")
    return file


def _find_annotations(
    root: Path, folder: ImageFolder, columns: Columns, lists: Mapping[SplitName, Path]
) -> Path | None:
    """Return the only file in the root that may hold captions; None for captions beside each image.

    Raises:
        ValueError: There is neither, there are both, or there are several.
    """
    others = {path.resolve() for path in lists.values()}
    pictures = [name for name in folder.files if suffix_of(name) in IMAGE_SUFFIXES]
    beside = next((text for text in map(text_beside, pictures) if text in folder.files), None)
    of_images = {*map(text_beside, pictures)} if beside is not None else set()
    files = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [
        path
        for path in files
        if path.suffix.lower() not in IMAGE_SUFFIXES
        and path.name not in of_images
        and path.resolve() not in others
        and may_hold_captions(path, columns)
    ]
    if beside is not None and not found:
        return None
    if len(found) == 1 and beside is None:
        return found[0]
    named = [*([beside] if beside is not None else []), *(path.name for path in found)]
    expected = "captions beside each image (name.jpg and name.txt), or one file of captions"
    if not named:
        raise ValueError(f"data.root={root}: expected {expected}, got none; name the file by data.annotations")
    raise ValueError(
        f"data.root={root}: expected {expected}, got several ({', '.join(named[:3])}); name the file by "
        f"data.annotations"
    )
