"""Output in locales that lack letters, of names that are no text."""

import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import caption
from tests.captioning.caption_command import save_pictures
from tests.tiny_run import TinyRun
from utils.display import as_unicode, flatten, show_any_text

NO_TEXT = os.fsdecode(b"caf\xe9.png")


def ascii_stdout() -> io.TextIOWrapper:
    """What a script writes to with LC_ALL=C or PYTHONIOENCODING=ascii."""
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)


def test_names_and_letters_are_escaped_where_they_cannot_be_shown(trained: TinyRun, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    save_pictures(folder, [NO_TEXT, "né.png"])
    out = ["--out", str(tmp_path / "lines.jsonl")]
    with redirect_stdout(ascii_stdout()) as written:
        for options in ([], ["--json"], out, out):
            caption.main([str(trained.best), str(folder), "--num", "1", *options])
    shown = written.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert rf"{folder}/caf\udce9.png" in shown
    assert rf"{folder}/n\xe9.png" in shown
    records = json.loads(shown[shown.index("[\n") :])
    assert [Path(record["image"]).name for record in records] == [NO_TEXT, "né.png"]
    lines = (tmp_path / "lines.jsonl").read_text("ascii").splitlines()
    assert [Path(json.loads(line)["image"]).name for line in lines] == [NO_TEXT, "né.png"]


def test_help_can_be_shown() -> None:
    with redirect_stdout(ascii_stdout()) as written, pytest.raises(SystemExit, match="0"):
        caption.main(["--help"])
    assert rb"cpu, cuda, \u2026 (cpu)" in written.buffer.getvalue()  # type: ignore[attr-defined]


def test_streams_that_are_no_files_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show_any_text()
    print(NO_TEXT)


def test_hyperparameters_are_text_for_tensorboard() -> None:
    assert flatten({"data": {"root": NO_TEXT, "names": [NO_TEXT], "seed": 1}}) == {
        "data.root": r"caf\udce9.png",
        "data.names": r"['caf\udce9.png']",
        "data.seed": 1,
    }
    assert as_unicode("né") == "né"
