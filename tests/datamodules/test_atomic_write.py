from pathlib import Path

import pytest

from datamodules.atomic_write import atomic_open, atomic_write_text


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
    with pytest.raises(UnicodeEncodeError):
        atomic_write_text(path, "new" * 100_000 + "\udc80")
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
