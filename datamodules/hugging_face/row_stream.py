"""Rows of a data set as a tar shard, so that a data set can be read without being fetched as a whole.

The same rows give the same bytes.
"""

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from datamodules.annotations.normalisation import normalised
from datamodules.hugging_face.columns import Columns
from datamodules.hugging_face.row_images import RowImage
from datamodules.hugging_face.source import faults, open_stream
from datamodules.image_files.reading import BadImageError, decode_rgb
from datamodules.shards.urls import library
from datamodules.shards.writing import kind_of

if TYPE_CHECKING:
    from datasets import IterableDataset

SCHEME = "hf-rows"  # as `shards.urls` knows it


def write_tar(rows: "IterableDataset", columns: Columns, file: IO[bytes], *, label: str, folder: Path) -> None:
    """Write rows as samples of a tar: the image of each as it is, and a JSON with its name and captions.

    Args:
        rows: Some rows of one split.
        columns: Which to read.
        file: Where to write.
        label: Begins the names of the samples, and of images that the data set does not name.
        folder: What relative paths of images begin in.
    """
    with library().TarWriter(file, mtime=0, encoder=False) as tar:
        for number, row in enumerate(_encoded(rows, columns.image)):
            name = f"{label}-{number:06d}"
            image = _image(row[columns.image])
            content = _content(image, folder)
            about = {"image_name": _name(row, columns, image, name), "captions": _captions(row, columns.captions)}
            text = json.dumps(about, ensure_ascii=False).encode("utf-8", "backslashreplace")
            files = {} if content is None else dict([_as_file(content, name)])
            tar.write({"__key__": name, **files, "json": text})


def _encoded(rows: "IterableDataset", column: str) -> Iterator[dict[str, Any]]:
    """Yield rows with images that are not decoded."""
    from datasets import Image

    is_image = rows.features is not None and isinstance(rows.features.get(column), Image)
    yield from rows.cast_column(column, Image(decode=False)) if is_image else rows


def _image(value: Any) -> RowImage:
    if isinstance(value, bytes):
        return RowImage(value, None)
    if isinstance(value, str):
        return RowImage(None, value)
    return RowImage((value or {}).get("bytes"), (value or {}).get("path"))


def _content(image: RowImage, folder: Path) -> bytes | None:
    """Return the file of an image; None where there is none, which the index of the shard then tells."""
    if image.content is not None or image.path is None:
        return image.content
    try:
        return (folder / image.path).read_bytes()
    except OSError:
        return None


def _as_file(content: bytes, name: str) -> tuple[str, bytes]:
    """Return the kind and the content of an image's file; a PNG where few readers of shards know its format."""
    kind = kind_of(content)
    if kind is not None:
        return kind, content
    file = io.BytesIO()
    try:
        decode_rgb(content, name=name).save(file, "PNG")
    except BadImageError:
        return "png", content  # whoever reads the sample finds that it is damaged
    return "png", file.getvalue()


def _name(row: dict[str, Any], columns: Columns, image: RowImage, otherwise: str) -> str:
    named = image.path if columns.id == columns.image else row.get(columns.id or "")
    return otherwise if named is None else str(named)


def _captions(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    lists = [row[column] if isinstance(row[column], list) else [row[column]] for column in columns]
    return [normalised(caption) for captions in lists for caption in captions if isinstance(caption, str)]


class Part(NamedTuple):
    """A part of a split, by which its rows are found again.

    Attributes:
        path: Of the data set (see `source.open_stream`).
        config: Its configuration.
        revision: Its branch, tag or commit on the hub.
        split: The split's name.
        number: Which of its parts.
        num_parts: How many there are.
        columns: Which are read.
    """

    path: str
    config: str | None
    revision: str | None
    split: str
    number: int
    num_parts: int
    columns: Columns

    def address(self) -> str:
        """Return what `shards.urls.opened` opens, as the tar shard of these rows."""
        return f"{SCHEME}:{json.dumps(self)}"


@contextmanager
def open_shard(address: str) -> Iterator[IO[bytes]]:
    """Open a part of a split as a tar shard, which is written into a temporary file first.

    Raises:
        ValueError: The data set cannot be opened, or is cut off.
    """
    given = Part(*json.loads(address.removeprefix(f"{SCHEME}:")))
    part = given._replace(columns=Columns(*given.columns))
    rows = open_stream(part.path, config=part.config, revision=part.revision)[part.split]
    here = Path(part.path).expanduser()
    with tempfile.TemporaryFile() as file:
        with faults(part.path):
            write_tar(
                rows.shard(num_shards=part.num_parts, index=part.number),
                part.columns,
                file,
                label=f"{part.split}-{part.number:05d}",
                folder=here if here.is_dir() else here.parent,
            )
        file.seek(0)
        yield file
