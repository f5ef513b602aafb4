"""A split of image files in columns that every process maps into memory, for data sets with very many captions.

Shape legend: N images, C captions.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datamodules.column_files import ColumnFiles, columns_of_texts, new_columns
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.lazy_sequences import ImageNames, Numbers

ROWS = 10_000  # images that are written at once


class ImageTable(ColumnFiles):
    """The images of one split with their captions."""

    types: ClassVar[Mapping[str, type[np.generic]]] = {
        "image_id": np.int64,  # [N] numbers in the whole collection
        "name_number": np.int64,  # [N] the number that an image is called by, where it has no name
        "name_ends": np.int64,  # [N] bytes of `names` up to and with each image
        "names": np.uint8,  # what files of captions call the images
        "path_ends": np.int64,  # [N] bytes of `paths` up to and with each image
        "paths": np.uint8,  # their files
        "keys": np.int64,  # [N, 3] what they are known by (see `ImageFileSplit.image_keys`)
        "caption_ends": np.int64,  # [N] captions up to and with each image
        "text_ends": np.int64,  # [C] bytes of `text` up to and with each caption
        "text": np.uint8,  # the captions
    }

    def split(self, image_size: int) -> ImageFileSplit:
        """Return the images, to be read at this size."""
        keys_NK = self["keys"]
        return ImageFileSplit(
            paths=self.texts("paths", "path_ends"),
            image_ids=Numbers(self["image_id"]),
            captions=self.captions,
            file_keys=keys_NK[:, :2],
            spoken_keys=keys_NK[:, 2],
            image_size=image_size,
            names=ImageNames(self.names, self["name_number"]),
        )


def write_table(folder: Path, split: ImageFileSplit, about: Mapping[str, Any]) -> None:
    """Write a split to a folder, unless it is there.

    Args:
        folder: The folder.
        split: The images.
        about: What is to be told of them.
    """
    with new_columns(folder, ImageTable.types, about) as writer:
        for columns in _columns(split):
            writer.add(columns)


def _columns(split: ImageFileSplit) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the columns of some images at a time."""
    keys_NK = split.image_keys
    for start in range(0, max(len(split.image_ids), 1), ROWS):
        some = slice(start, start + ROWS)
        captions, names = split.captions[some], split.image_names[some]
        numbers = [name if isinstance(name, int) else 0 for name in names]
        letters, name_ends = columns_of_texts("" if isinstance(name, int) else name for name in names)
        paths, path_ends = columns_of_texts(map(str, split.paths[some]))
        text, text_ends = columns_of_texts(caption for of_image in captions for caption in of_image)
        yield {
            "image_id": np.array(split.image_ids[some], np.int64),
            "name_number": np.array(numbers, np.int64),
            "name_ends": name_ends,
            "names": letters,
            "path_ends": path_ends,
            "paths": paths,
            "keys": keys_NK[some],
            "caption_ends": np.cumsum([len(of_image) for of_image in captions], dtype=np.int64),
            "text_ends": text_ends,
            "text": text,
        }
