"""Where the files of Flickr8k lie: the layouts of its original archives, and of Kaggle's."""

from pathlib import Path
from typing import NamedTuple

from datamodules.split import SplitName

SPLIT_FILES: dict[SplitName, str] = {
    "train": "Flickr_8k.trainImages.txt",
    "val": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
IMAGE_FOLDER = "Flicker8k_Dataset"  # so spelled in the archive
CAPTION_FILE = "Flickr8k.token.txt"
KAGGLE_FOLDER, KAGGLE_CAPTIONS = "Images", "captions.txt"


class Flickr8kFiles(NamedTuple):
    """The parts of the data set on disk; `split_files` maps train, val and test to their lists of images."""

    images: Path
    captions: Path
    split_files: dict[SplitName, Path]


def find_files(root: Path, *, with_splits: bool) -> Flickr8kFiles:
    """Return the paths of the data set's parts.

    Args:
        root: The folder that holds them.
        with_splits: Whether the official lists of images are needed.

    Raises:
        ValueError: The folder is not there, or lacks a part.
    """
    is_kaggle = (root / KAGGLE_FOLDER).is_dir() and (root / KAGGLE_CAPTIONS).is_file()
    folder, captions = (KAGGLE_FOLDER, KAGGLE_CAPTIONS) if is_kaggle else (IMAGE_FOLDER, CAPTION_FILE)
    files = Flickr8kFiles(
        images=root / folder,
        captions=root / captions,
        split_files={name: root / file for name, file in SPLIT_FILES.items()} if with_splits else {},
    )
    needed = [files.captions, *files.split_files.values()]
    missing = [path.name for path in needed if not path.is_file()]
    if not files.images.is_dir():
        missing.insert(0, f"{IMAGE_FOLDER}/")
    if missing:
        found = f"a folder without {', '.join(missing)}" if root.is_dir() else "no such folder"
        kaggle = ", or data.split=[0.8,0.1,0.1] where there are no lists" if is_kaggle else ""
        raise ValueError(
            f"data.root={root}: expected the layout of Flickr8k's original archives ({IMAGE_FOLDER}/*.jpg, "
            f"{CAPTION_FILE}, {', '.join(SPLIT_FILES.values())}), got {found}; set data.root to the folder that "
            f"holds them{kaggle}"
        )
    return files
