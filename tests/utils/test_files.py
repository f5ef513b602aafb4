import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from utils.files import atomic_open, atomic_write_text


def test_writes_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    atomic_write_text(path, "first")
    atomic_write_text(path, "sécond")
    assert path.read_text(encoding="utf-8") == "sécond"
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode
    assert [*path.parent.iterdir()] == [path]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    atomic_write_text(path, "old")
    with pytest.raises(TypeError):
        atomic_write_text(path, b"new")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_names_that_are_no_unicode_are_escaped_as_in_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    atomic_write_text(tmp_path / "file.json", json.dumps([name, "café"], ensure_ascii=False))
    assert json.loads((tmp_path / "file.json").read_text("utf-8")) == [name, "café"]


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ("n" * 250)  # with more in it, the temporary file's name would be too long
    atomic_write_text(path, "old")

    def fail(number: int, file: str | None) -> Callable[..., None]:
        def raise_it(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number), file)

        return raise_it

    for where, failure in (
        ("tempfile.mkstemp", fail(errno.EROFS, str(tmp_path / f".{'n' * 40}.x"))),
        ("os.fdopen", fail(errno.ENOSPC, None)),
        ("pathlib.Path.replace", fail(errno.EDQUOT, str(tmp_path / f".{'n' * 40}.x"))),
    ):
        for error, named in ((failure, str(path)), (fail(errno.EACCES, "other"), "other")):
            with monkeypatch.context() as patch:
                patch.setattr(where, error)
                with pytest.raises(OSError, match=named) as raised:
                    atomic_write_text(path, "new")
            assert raised.value.filename == named
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_writes_bytes_as_they_are(tmp_path: Path) -> None:
    path, contents = tmp_path / "new" / "file.npz", bytes(range(256)) + b"\r\n\n"
    with atomic_open(path, "wb") as file:
        file.write(b"overwritten")
        file.seek(0)
        file.write(contents)
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == contents
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_folder_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half(path: Path) -> None:
        with atomic_open(path, "wb") as file:
            file.write(b"new" * 100_000)
            raise error("half")

    old = tmp_path / "old"
    old.write_bytes(b"old")
    for path in (old, tmp_path / "new"):
        with pytest.raises(error, match="half"):
            write_half(path)
    assert old.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [old]


def test_the_last_of_two_writers_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_open(path) as first:
        first.write("first")
        with atomic_open(path) as second:
            second.write("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [*tmp_path.iterdir()] == [path]
