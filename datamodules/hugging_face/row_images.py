"""The images in the rows of a data set, each decoded when it is asked for."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from datamodules.image_files.keys import content_keys, file_keys, key_of
from datamodules.image_files.reading import BadImageError, decode_image, read_image

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)


class RowImage(NamedTuple):
    """An image as a row holds it: its encoded bytes, or the path of a file, or both; neither where there is none."""

    content: bytes | None
    path: str | None


class RowImages:
    """The images of one split of a data set.

    Args:
        dataset: The split.
        column: The column of its images.
        split: The split's name, for errors.
        folder: What relative paths begin in.
    """

    def __init__(self, dataset: "Dataset", column: str, *, split: str, folder: Path) -> None:
        from datasets import Image

        self.split = split
        self.folder = folder
        self.column = column
        encoded = dataset.select_columns([column]).cast_column(column, Image(decode=False))
        self.dataset = encoded.with_format("arrow")

    def __len__(self) -> int:
        return len(self.dataset)

    def load(self, row: int, image_size: int) -> Tensor:
        """Return the centre square of an image: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: It cannot be decoded.
        """
        image = self._of(self.dataset[row][self.column][0])
        if image.content is not None:
            return decode_image(image.content, image_size, name=self.name(row, image))
        return read_image(self._file(row, image), image_size)

    def keys(self, row: int, image: RowImage) -> tuple[int, int]:
        """Return what an image is known by (see `image_files.keys.file_keys`).

        Raises:
            BadImageError: It cannot be decoded.
        """
        if image.content is not None:
            return content_keys(image.content, self.name(row, image))
        return file_keys(self._file(row, image))

    def name(self, row: int, image: RowImage) -> str:
        """Return what errors call an image."""
        return f"row {row} of {self.split}{f' ({image.path})' if image.path else ''}"

    def __iter__(self) -> Iterator[RowImage]:
        """Yield the image of each row, not decoded; few are in memory at once."""
        for batch in self.dataset.iter(batch_size=64):
            for image in batch[self.column]:
                yield self._of(image)

    def paths(self) -> list[str | None]:
        """Return the path of each row's image: where its file is, or what it was called before."""
        return [path.as_py() for batch in self._fields("path") for path in batch]

    def files(self) -> list[Path]:
        """Return the files of images that are not in the data set itself, each once."""
        import pyarrow.compute as pc

        found: dict[str, None] = {}
        for contents, paths in zip(self._fields("bytes"), self._fields("path"), strict=True):
            found |= dict.fromkeys(path for path in paths.filter(pc.is_null(contents)).to_pylist() if path)
        return [self.folder / path for path in found]

    def _fields(self, name: str) -> Iterator[Any]:
        import pyarrow.compute as pc

        table = self.dataset[:] if len(self) else None
        for chunk in table[self.column].chunks if table is not None else ():
            yield pc.struct_field(chunk, name)

    def _file(self, row: int, image: RowImage) -> Path:
        problem = "there is no image" if not image.path else "its path is an address" if "://" in image.path else None
        if problem is not None:
            raise BadImageError(f"{self.name(row, image)}: {problem}; correct the row") from ValueError(problem)
        assert image.path is not None
        return self.folder / image.path

    @staticmethod
    def _of(image: Any) -> RowImage:
        value = image.as_py() or {}
        return RowImage(value.get("bytes"), value.get("path"))


def same_content(image: RowImage) -> int | str | None:
    """Return what is equal for images whose bytes, or files, are the same."""
    return image.path if image.content is None else key_of("file", image.content)
