import gzip
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from lightning_modules.networks.embeddings.word_vectors import read_word_vectors

VECTORS = {"the": [0.25, -1.5, 3.0], "dog": [1.0, 2.0, -0.125], "Paris": [5.0, 6.0, 7.0], "café": [0.0, 0.5, 8.0]}

Table = Mapping[str, list[float]]


def _rows(table: Table, end: str = "\n") -> str:
    return "".join(f"{word} {' '.join(map(str, values))}{end}" for word, values in table.items())


def _glove(table: Table) -> bytes:
    return _rows(table).encode()


def _word2vec_text(table: Table) -> bytes:
    return f"{len(table)} 3\n{_rows(table, end=' ' + chr(10))}".encode()


def _word2vec_binary(table: Table) -> bytes:
    rows = [f"{word} ".encode() + struct.pack("<3f", *values) for word, values in table.items()]
    return f"{len(table)} 3\n".encode() + b"".join(rows)


def _original_word2vec_binary(table: Table) -> bytes:
    """As Mikolov's own program writes it: with a line feed after every vector."""
    rows = [f"{word} ".encode() + struct.pack("<3f", *values) + b"\n" for word, values in table.items()]
    return f"{len(table)} 3\n".encode() + b"".join(rows)


FORMATS = [_glove, _word2vec_text, _word2vec_binary, _original_word2vec_binary]
WORD2VEC_BINARY = [_word2vec_binary, _original_word2vec_binary]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


@pytest.mark.parametrize("write", FORMATS)
def test_finds_words_as_spelled_or_in_lower_case(path: Path, write: Callable[[Table], bytes]) -> None:
    path.write_bytes(write({**VECTORS, "DOG": [9.0, 9.0, 9.0]}))
    found = read_word_vectors(path, ["<pad>", "Dog", "paris", "café", "DOG", "the", "dog", "Paris"])
    assert found.ids.tolist() == [1, 3, 4, 5, 6, 7]
    expected = [VECTORS["dog"], VECTORS["café"], [9.0, 9.0, 9.0], VECTORS["the"], VECTORS["dog"], VECTORS["Paris"]]
    assert torch.equal(found.vectors, torch.tensor(expected))
    assert found.coverage == 6 / 8


@pytest.mark.parametrize("write", FORMATS)
def test_nothing_found_still_tells_the_width(path: Path, write: Callable[[Table], bytes]) -> None:
    path.write_bytes(write(VECTORS))
    found = read_word_vectors(path, ["zebra"])
    assert found.vectors.shape == (0, 3)
    assert (found.ids.tolist(), found.coverage) == ([], 0)


def test_first_of_repeated_words_counts(path: Path) -> None:
    path.write_bytes(_glove(VECTORS) + b"dog 7 7 7\n")
    assert read_word_vectors(path, ["dog"]).vectors.tolist() == [VECTORS["dog"]]


def test_carriage_returns_blank_lines_and_words_with_spaces(path: Path) -> None:
    path.write_bytes(b"the 1 2 3\r\n. . . 4 5 6\r\nat name@domain.com 7 8 9\r\n\r\n")
    found = read_word_vectors(path, ["the", ". . ."])
    assert found.vectors.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_multi_byte_letter_across_the_sniffed_border_is_text(path: Path) -> None:
    line = f"{'é' * 50} 1 2 3\n".encode()
    for shift in range(2):
        path.write_bytes(b"x" * shift + line * 2000)
        assert read_word_vectors(path, ["é" * 50]).vectors.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("line", "values"), [("bird 1 2", 2), ("bird", 0), ("bird 1 2 3 4", 4), ("bird name 1 2 3 4", 5)]
)
@pytest.mark.parametrize(("write", "number"), [(_glove, 5), (_word2vec_text, 6)])
def test_refuses_rows_of_other_length(
    path: Path, write: Callable[[Table], bytes], number: int, line: str, values: int
) -> None:
    path.write_bytes(write(VECTORS) + line.encode() + b"\n")
    with pytest.raises(ValueError, match=f"line {number}: expected a word and 3 values .* got {values} values"):
        read_word_vectors(path, ["dog"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("write", "place"), [(_glove, "line 2"), (_word2vec_text, "line 3"), (_word2vec_binary, "row 2")]
)
def test_refuses_values_that_are_not_finite(
    path: Path, write: Callable[[Table], bytes], place: str, value: float
) -> None:
    path.write_bytes(write({**VECTORS, "dog": [1.0, value, 2.0]}))
    with pytest.raises(ValueError, match=f"vectors, {place}: expected finite values, got nan or inf"):
        read_word_vectors(path, ["dog"])


def test_refuses_values_that_are_no_numbers(path: Path) -> None:
    path.write_bytes(b"the 1 2 3\ndog 1 two 3\n")
    with pytest.raises(ValueError, match="line 2: expected numbers after the word, got other text"):
        read_word_vectors(path, ["dog"])


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"word,1,2\n", b"some text of words\n", gzip.compress(b"the 1 2 3\n", mtime=0), b"PK\x03\x04\xff"],
)
def test_refuses_other_formats(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected word vectors in GloVe text, word2vec text or word2vec binary"):
        read_word_vectors(path, ["the"])


def test_refuses_text_with_another_number_of_words_than_its_header(path: Path) -> None:
    path.write_bytes(b"\n".join(_word2vec_text(VECTORS).split(b"\n")[:3]))
    with pytest.raises(ValueError, match="expected 4 words as its header says, got 2; get a whole copy"):
        read_word_vectors(path, ["the"])


@pytest.mark.parametrize("write", WORD2VEC_BINARY)
def test_refuses_binary_that_is_cut_or_too_long(path: Path, write: Callable[[Table], bytes]) -> None:
    path.write_bytes(write(VECTORS)[:-5])
    with pytest.raises(ValueError, match=r"expected 4 words with 3 values each .* got a damaged or cut row 4"):
        read_word_vectors(path, ["the"])
    path.write_bytes(write(VECTORS) + b"more")
    with pytest.raises(ValueError, match=r"expected the file to end after 4 words .* bytes more"):
        read_word_vectors(path, ["the"])


def test_refuses_a_missing_file(path: Path) -> None:
    with pytest.raises(ValueError, match=r"vectors: expected a file of word vectors, there is no such file"):
        read_word_vectors(path, ["the"])
