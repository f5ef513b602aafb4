from pathlib import Path

import pytest

from datamodules.atomic_write import atomic_write_text


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
