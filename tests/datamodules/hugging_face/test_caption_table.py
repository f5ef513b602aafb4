import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.annotations.normalisation import normalised
from datamodules.hugging_face.caption_table import caption_table, read_captions

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SPACES = " \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2007\u2028\u2029\u202f\u205f\u3000"


def _reference(columns: list[list[object]]) -> list[tuple[int, str]]:
    """The captions of each row, one after another, by Python's own means."""
    found = []
    for row, values in enumerate(zip(*columns, strict=True)):
        for value in values:
            texts = value if isinstance(value, list) else [value]
            found += [(row, normalised(text)) for text in texts if text is not None and normalised(text)]
    return found


@given(st.lists(st.tuples(st.none() | TEXTS, st.none() | st.lists(st.none() | TEXTS, max_size=3)), max_size=5))
def test_reads_columns_of_text_and_of_lists(rows: list[tuple[str | None, list[str | None] | None]]) -> None:
    columns: list[list[object]] = [[text for text, _ in rows], [texts for _, texts in rows]]
    of_text = pa.chunked_array([pa.array(columns[0][:2], pa.string()), pa.array(columns[0][2:], pa.string())])
    for kind in (pa.list_(pa.string()), pa.large_list(pa.large_string())):
        of_lists = pa.chunked_array([pa.array(columns[1], kind)])
        rows_T, texts_T = read_captions([of_text, of_lists], "here")
        assert [*zip(rows_T.tolist(), texts_T.to_pylist(), strict=True)] == _reference(columns)


def test_every_white_space_becomes_one_space() -> None:
    column = pa.chunked_array([pa.array([f"{SPACES}a{SPACES}dog{SPACES}", SPACES])])
    rows_T, texts_T = read_captions([column], "here")
    assert (rows_T.tolist(), texts_T.to_pylist()) == ([0], ["a dog"])


def test_quotes_and_emoji_stay_and_entities_become_letters() -> None:
    texts = ["'a' &amp; 'b'", "🐕\u200d🦺 e\u0301", "犬が走る", " a  dog", "a dog "]
    expected = ["'a' & 'b'", "🐕\u200d🦺 \u00e9", "犬が走る", "a dog", "a dog"]
    assert read_captions([pa.chunked_array([pa.array(texts)])], "here")[1].to_pylist() == expected


def test_names_the_row_that_is_not_utf_8() -> None:
    binary = pa.array([b"a dog", None, b"caf\xe9"], pa.binary())
    column = pa.chunked_array([pa.StringArray.from_buffers(3, *binary.buffers()[1:], binary.buffers()[0])])
    with pytest.raises(
        ValueError, match=r"here, row 2: expected a caption in UTF-8, got 'utf-8' codec can't decode byte"
    ):
        read_captions([column], "here")


@pytest.mark.parametrize("first", [0, 3])
def test_a_table_holds_lists(first: int) -> None:
    lists = [[f"é {n} {i}" for i in range(n % 3)] for n in range(9)]
    texts = pa.array([*["before"] * first, *(text for of in lists for text in of)], pa.large_string()).slice(first)
    ends_N = np.cumsum([len(of) for of in lists])
    table = caption_table(texts, ends_N)
    assert [*table] == lists
    assert [*pickle.loads(pickle.dumps(table))] == lists
    assert table.checksum == caption_table(pa.array(texts.to_pylist(), pa.large_string()), ends_N).checksum
    moved = caption_table(texts, np.array([1, *ends_N[1:]]))
    assert moved.checksum != table.checksum
    assert [*caption_table(texts.slice(0, 0), np.zeros(2, np.int64))] == [[], []]
