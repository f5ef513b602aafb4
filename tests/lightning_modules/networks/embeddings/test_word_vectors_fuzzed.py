import struct
from pathlib import Path

from hypothesis import example, given

from lightning_modules.networks.embeddings.word_vectors import WordVectors, read_word_vectors
from tests.malformed import fragments, read_or_refuse

PIECES = [
    b"a", b"b", b" ", b"1", b"2", b"0.5", b"-1e3", b"nan", b"\n", b"\r\n", b"\t", b"2 2\n", b"1 1\n", b"\xff", b"\0",
    struct.pack("<f", 0.5), struct.pack("<f", float("inf")),
]  # fmt: skip


def _read(path: Path) -> WordVectors:
    return read_word_vectors(path, ["a", "b"])


@given(fragments(PIECES))
@example(b"2 2\na " + struct.pack("<ff", 1, 2) + b"b " + struct.pack("<ff", 3, 4))
@example(b"9" * 5000 + b" 2\na 1 2\n")
@example(b"1 " + b"9" * 18 + b"\na 1\n")
@example(b"")
def test_any_bytes_are_vectors_or_refused(content: bytes) -> None:
    found = read_or_refuse(_read, content)
    if found is not None:
        assert found.vectors.isfinite().all()
        assert len(found.ids) == len(found.vectors) == 2 * found.coverage
