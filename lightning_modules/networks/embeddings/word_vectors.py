"""Reads pretrained word vectors: GloVe text, word2vec text and word2vec binary.

Files of several gigabytes are gone through row by row, and only the vectors of the wanted words are kept.

Shape legend: F words found, D values of a vector.
"""

import codecs
import mmap
from collections.abc import Iterator, Sequence, Set
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Vector = NDArray[np.float32]

SNIFFED_BYTES = 2**16
LONGEST_LINE = 2**20  # bytes of a row of text; one with 1024 values has about 20,000
MOST_DIGITS = 18  # of a number in the header
LONGEST_WORD = 2**12  # bytes; more without a space is no word but damage


class WordVectors(NamedTuple):
    """The pretrained vectors of those words that a file holds.

    Attributes:
        vectors: One vector each, [F, D].
        ids: The positions of these words in the list that was asked for, ascending, [F].
        coverage: The share of the words asked for that were found.
    """

    vectors: Tensor
    ids: Tensor
    coverage: float


class _Header(NamedTuple):
    rows: int
    dimension: int


class _Table(NamedTuple):
    vector_of: dict[str, Vector]
    dimension: int


def read_word_vectors(path: str | Path, words: Sequence[str]) -> WordVectors:
    """Look words up in a file of word vectors, as they are spelled or else in lower case; "" is no word.

    The formats are those of GloVe (Pennington et al., EMNLP 2014): a line a word, without a header; and of word2vec
    (Mikolov et al. 2013): a header `count dimension`, then the same lines, or each word with its `float32` values in
    binary. The format is found out from the file's first bytes. Of a word that is there twice the first counts.

    Raises:
        ValueError: The file is missing, has none of these formats, has a row with too many or too few values, or a
            wanted word's value is not a finite number.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a file of word vectors, there is no such file; check the path")
    vocabulary = {spelled for word in words if word for spelled in (word, word.lower())}
    table = _read_binary(path, vocabulary) if _is_binary(path) else _read_text(path, vocabulary)
    found: dict[int, Vector] = {}
    for i, word in enumerate(words):
        vector = table.vector_of.get(word, table.vector_of.get(word.lower()))  # none of ""
        if vector is not None:
            found[i] = vector
    return WordVectors(
        vectors=torch.from_numpy(np.array([*found.values()], dtype=np.float32).reshape(-1, table.dimension)),
        ids=torch.tensor([*found], dtype=torch.long),
        coverage=len(found) / max(sum(map(bool, words)), 1),
    )


def _read_text(path: Path, vocabulary: Set[str]) -> _Table:
    vector_of: dict[str, Vector] = {}
    with path.open("rb") as file:
        first = file.readline(SNIFFED_BYTES)
        header = _header(first)
        dimension = len(first.split()) - 1 if header is None else header.dimension
        if header is None:
            if dimension < 1 or not all(_is_number(value) for value in first.split()[1:]):
                raise _unknown_format(path)
            file.seek(0)
        rows = 0
        for number, line in _rows(file, path, first=1 if header is None else 2):
            rows += 1
            word, values = _split_row(line, dimension, f"{path}, line {number}")
            if word in vocabulary and word not in vector_of:
                vector_of[word] = _parse(values, f"{path}, line {number}")
    if header is not None and rows != header.rows:
        raise ValueError(
            f"{path}: expected {header.rows} words as its header says, got {rows}; get a whole copy of the file"
        )
    return _Table(vector_of, dimension)


def _rows(file: BinaryIO, path: Path, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank with its number; no more than one is in memory."""
    for number in count(first):
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise ValueError(
                f"{path}, line {number}: expected a word and its values in at most {LONGEST_LINE:,} bytes, got more; "
                f"get a whole copy of the file"
            )
        if line.strip():
            yield number, line


def _read_binary(path: Path, vocabulary: Set[str]) -> _Table:
    vector_of: dict[str, Vector] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(b"\n", 0, SNIFFED_BYTES) + 1
        header = _header(data[:start])
        if header is None:
            raise _unknown_format(path)
        for row in range(1, header.rows + 1):
            space = data.find(b" ", start, start + LONGEST_WORD)
            end = space + 1 + 4 * header.dimension
            if space < 0 or end > len(data):
                raise ValueError(
                    f"{path}: expected {header.rows} words with {header.dimension} values each as its header says, "
                    f"got a damaged or cut row {row}; get a whole copy of the file"
                )
            word = data[start:space].lstrip(b"\n").decode(errors="replace")
            if word in vocabulary and word not in vector_of:
                values: Vector = np.frombuffer(data[space + 1 : end], dtype="<f4")
                vector_of[word] = _finite(values, f"{path}, row {row}")
            start = end
        if data[start : start + LONGEST_WORD].strip():
            raise ValueError(
                f"{path}: expected the file to end after {header.rows} words with {header.dimension} values each as "
                f"its header says, got {len(data) - start} bytes more; get a whole copy of the file"
            )
    return _Table(vector_of, header.dimension)


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(SNIFFED_BYTES)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return True
    return any(char < " " and char not in "\t\r\n" for char in text)


def _header(line: bytes) -> _Header | None:
    pieces = line.split()
    if len(pieces) != 2 or not all(piece.isdigit() and len(piece) <= MOST_DIGITS for piece in pieces):
        return None
    if int(pieces[1]) < 1:
        return None
    return _Header(rows=int(pieces[0]), dimension=int(pieces[1]))


def _split_row(line: bytes, dimension: int, place: str) -> tuple[str, list[bytes]]:
    word, *values = line.rstrip().rsplit(b" ", dimension)
    # GloVe's largest file has words with spaces in them, such as ". . ."; a number there is a value too many.
    too_many = b" " in word and _is_number(word.rsplit(b" ", 1)[1])
    if len(values) != dimension or too_many:
        raise ValueError(
            f"{place}: expected a word and {dimension} values as in the rows before, got {line.rstrip().count(b' ')} "
            f"values; get a whole copy of the file or remove the line"
        )
    return word.decode(errors="replace"), values


def _parse(values: list[bytes], place: str) -> Vector:
    if not all(_is_number(value) for value in values):
        raise ValueError(f"{place}: expected numbers after the word, got other text; get a whole copy of the file")
    return _finite(np.array([float(value) for value in values], dtype=np.float32), place)


def _finite(vector: Vector, place: str) -> Vector:
    if not np.isfinite(vector).all():
        raise ValueError(f"{place}: expected finite values, got nan or inf; repair or remove the row")
    return vector


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unknown_format(path: Path) -> ValueError:
    return ValueError(
        f"{path}: expected word vectors in GloVe text, word2vec text or word2vec binary format, got none of these; "
        f"unpack the file if it is an archive"
    )
