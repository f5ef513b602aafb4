"""Columns of very many images, in the files of one folder that every process maps into memory.

Shape legend: T texts.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from datamodules.lazy_sequences import CaptionTable, Texts
from utils.cache_key import cache_key
from utils.files import atomic_write_text, mapped

ABOUT = "about.json"
CUMULATIVE = {"caption_ends": "text_ends", "text_ends": "text", "name_ends": "names", "path_ends": "paths"}
"""Columns that count what lies in another one."""


class ColumnFiles:
    """Arrays by name, among them captions and names, and what is told of them.

    Args:
        folder: Where `new_columns` has put it.

    Attributes:
        about: What is told of them.
    """

    types: ClassVar[Mapping[str, type[np.generic]]]
    """The columns by name, with the types of their values."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        self._columns = {name: self._mapped(name) for name in self.types}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column."""
        return self._columns[name]

    def __reduce__(self) -> tuple[Callable[[Path], Self], tuple[Path]]:
        return type(self), (self.folder,)  # a process that is spawned maps the files, too

    @property
    def captions(self) -> CaptionTable:
        checksum = self.checksum("text", "text_ends", "caption_ends")
        return CaptionTable(self.texts("text", "text_ends"), self["caption_ends"], checksum)

    @property
    def names(self) -> Texts:
        return self.texts("names", "name_ends")

    def texts(self, letters: str, ends: str) -> Texts:
        """Return the texts of a column of letters, and of one that tells where each ends."""
        return Texts(self[letters], self[ends], self.checksum(letters, ends))

    def checksum(self, *columns: str) -> str:
        """Return a checksum of columns."""
        return cache_key(**{name: self.about["checksums"][name] for name in columns})

    def _mapped(self, name: str) -> NDArray[Any]:
        shape = self.about["shapes"][name]
        return mapped(self.folder / name, self.types[name], int(np.prod(shape))).reshape(shape)


class ColumnWriter:
    """Writes columns, some rows after the other.

    Args:
        files: A file of each column.
        types: The types of their values.

    Attributes:
        lengths: How many values each column has so far.
    """

    def __init__(self, files: Mapping[str, IO[bytes]], types: Mapping[str, type[np.generic]]) -> None:
        self.lengths = dict.fromkeys(types, 0)
        self._files, self._types = files, types
        self._checksums = {name: hashlib.sha256() for name in types}
        self._widths: dict[str, tuple[int, ...]] = {}

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Write some rows; what counts in another column counts on."""
        before = dict(self.lengths)
        for name, dtype in self._types.items():
            content = columns[name] + before[CUMULATIVE[name]] if name in CUMULATIVE else columns[name]
            data = np.ascontiguousarray(content, dtype).tobytes()
            self._files[name].write(data)
            self._checksums[name].update(data)
            self.lengths[name] += len(content)
            if len(content) or name not in self._widths:
                self._widths[name] = content.shape[1:]

    def about(self) -> dict[str, Any]:
        """Return the shapes and checksums of all columns."""
        return {
            "shapes": {name: [length, *self._widths.get(name, ())] for name, length in self.lengths.items()},
            "checksums": {name: checksum.hexdigest() for name, checksum in self._checksums.items()},
        }


@contextmanager
def new_columns(
    folder: Path, types: Mapping[str, type[np.generic]], about: Mapping[str, Any]
) -> Iterator[ColumnWriter]:
    """Yield a writer of columns into a folder that takes its place at once when all are there, unless it is there.

    Args:
        folder: The folder.
        types: The columns with their types.
        about: What is told of them; may be filled until the end.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:8]}-"))
    try:
        with ExitStack() as opened:
            files = {name: opened.enter_context((unfinished / name).open("wb")) for name in types}
            writer = ColumnWriter(files, types)
            yield writer
        atomic_write_text(unfinished / ABOUT, json.dumps({**about, **writer.about()}))
        if not (folder / ABOUT).exists():  # unless another run was faster
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(unfinished, folder)  # noqa: PTH105 (raises where another run has just put its own there)
    except OSError:
        if not (folder / ABOUT).exists():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def columns_of_texts(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the letters of texts, one after the other in UTF-8, and where each text ends: [T]."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([len(text) for text in encoded], dtype=np.int64)
