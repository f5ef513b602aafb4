"""What hypothesis makes files of: bytes that are nearly right, and JSON that is nearly right."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

NAME = "captions.file"


def fragments(pieces: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Files of known pieces in any order, of any bytes, and of both."""
    known = st.lists(st.sampled_from(pieces), max_size=40).map(b"".join)
    return st.one_of(known, st.binary(max_size=200), st.tuples(known, st.binary(max_size=20), known).map(b"".join))


def nearly(document: Any) -> st.SearchStrategy[Any]:
    """Copies of a JSON document with values replaced, fields missing and rows repeated."""
    return st.one_of(st.just(document), _changed(document), _any_json())


def _changed(document: Any) -> st.SearchStrategy[Any]:
    if isinstance(document, dict):
        fields = {name: nearly(value) for name, value in document.items()}
        return st.fixed_dictionaries({}, optional=fields)
    if isinstance(document, list) and document:
        return st.lists(st.one_of([nearly(row) for row in document]), max_size=4)
    return _any_json()


def _any_json() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec=None), max_size=8),
        st.sampled_from(["a.jpg", "test", "\ud800", "0042"]),
    )
    keys = st.sampled_from(["image_id", "caption", "images", "annotations", "id", "raw", "split"])
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def read_or_refuse(read: Callable[[Path], Any], content: bytes) -> Any:
    """Return what a reader makes of a file, or None where it refuses it in a `ValueError` that names the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(content)
        try:
            return read(path)
        except ValueError as error:
            message = str(error)
    assert NAME in message
    return None
