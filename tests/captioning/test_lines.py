import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from captioning import CaptionPipeline, Description
from captioning.arguments import parse_arguments
from captioning.lines import fingerprint
from captioning.strategy import ranking_settings, strategy_settings
from tests.captioning.caption_command import caption, save_pictures
from tests.tiny_run import TinyRun

NAMES = ["a.png", "b.png", "c.png", "d.png", "e.png"]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return save_pictures(tmp_path, NAMES)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "captions.jsonl"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class _InterruptedError(Exception):
    pass


def _interrupt_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Let the pipeline fail after so many batches, as a kill would."""
    describe_batch, calls = CaptionPipeline.describe_batch, []

    def failing(self: CaptionPipeline, paths: Sequence[Path], **settings: Any) -> list[Description]:
        calls.append(paths)
        if len(calls) > batches:
            raise _InterruptedError
        return describe_batch(self, paths, **settings)

    monkeypatch.setattr(CaptionPipeline, "describe_batch", failing)


def test_writes_a_line_an_image_and_nothing_to_stdout(
    trained: TinyRun, photos: list[Path], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caption(trained.best, *photos, "--num", 2, "--out", out)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "5 images written" in printed.err
    assert "already" not in printed.err
    lines = _lines(out)
    caption(trained.best, *photos, "--num", 2, "--json")
    of_image = {"run": lines[0]["run"], "checksum": ""}
    assert [line | {"checksum": ""} for line in lines] == [
        entry | of_image for entry in json.loads(capsys.readouterr().out)
    ]
    assert len({line["run"] for line in lines}) == 1


@pytest.mark.parametrize("torn", [0, 1, 30, 90])
@pytest.mark.parametrize("strategy", ["sample", "beam"])
def test_goes_on_where_it_stopped(
    trained: TinyRun,
    photos: list[Path],
    out: Path,
    torn: int,
    strategy: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = (trained.best, *photos, "--num", 2, "--batch-size", 2, "--strategy", strategy, "--set", "max_length=6")
    caption(*arguments, "--out", out)
    whole = out.read_bytes()
    out.unlink()
    with monkeypatch.context() as patch:
        _interrupt_after(patch, batches=1)
        with pytest.raises(_InterruptedError):
            caption(*arguments, "--out", out)
    assert [Path(line["image"]).name for line in _lines(out)] == NAMES[:2]  # as batches finish
    done = len(out.read_bytes())
    with out.open("ab") as file:
        file.write(whole[done : done + torn])
    capsys.readouterr()
    caption(*arguments, "--out", out)
    assert "goes on after 2 images that are there already" in capsys.readouterr().err
    assert out.read_bytes() == whole


def test_goes_on_in_the_middle_of_a_batch(trained: TinyRun, photos: list[Path], out: Path) -> None:
    caption(trained.best, *photos, "--out", out)
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    caption(trained.best, *photos, "--out", out)
    assert out.read_bytes() == whole


def test_describes_nothing_that_is_done(
    trained: TinyRun, photos: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caption(trained.best, *photos, "--out", out)
    whole = out.read_bytes()
    _interrupt_after(monkeypatch, batches=0)
    caption(trained.best, *photos, "--out", out)
    assert out.read_bytes() == whole


def test_never_mixes_runs(trained: TinyRun, photos: list[Path], out: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    checkpoint = shutil.copy(trained.best, tmp_path / "renamed.ckpt")
    shutil.copy(photos[0], other)
    styled = ("--style-from", other, "--strategy", "sample")
    caption(checkpoint, photos[0], *styled, "--out", out)
    before = out.read_bytes()
    caption(trained.best, photos[0], *styled, "--batch-size", 1, "--num", 5, "--out", out)  # the same in other words
    assert out.read_bytes() == before
    changes: list[tuple[object, ...]] = [
        ("--seed", 1),
        ("--num", 4),
        ("--temperature", 2),
        ("--set", "typical_p=0.5"),
        ("--interpolate", 2),
        ("--rank", "likelihood"),
    ]
    for change in changes:
        with pytest.raises(ValueError, match=r"--out .*captions.jsonl: line 1 was written by another run"):
            caption(trained.best, *photos, *styled, *change, "--out", out)
    shutil.copy(photos[1], other)  # the same name, another style
    with pytest.raises(ValueError, match="another run"):
        caption(trained.best, *photos, *styled, "--out", out)
    shutil.copy(photos[0], other)
    torch.save({**torch.load(checkpoint, weights_only=True), "epoch": 9}, checkpoint)
    with pytest.raises(ValueError, match="another run"):
        caption(checkpoint, *photos, *styled, "--out", out)
    assert out.read_bytes() == before


def test_the_fingerprint_is_of_files_contents_and_of_the_device(trained: TinyRun, tmp_path: Path) -> None:
    def of(*arguments: object) -> str:
        options = parse_arguments([str(trained.best), "photo.jpg", "--rank", "mix", *map(str, arguments)])
        return fingerprint(options, strategy_settings(options), ranking_settings(options))

    here, there = tmp_path / "here.npz", tmp_path / "there.npz"
    here.write_bytes(b"1")
    there.write_bytes(b"1")
    first = of("--index", here)
    assert of("--index", there) == of("--index", here, "--device", "cpu:0") == first
    assert of("--index", here, "--device", "cuda") != first  # draws other random numbers
    there.write_bytes(b"2")
    assert of("--index", there) != first


def test_words_are_part_of_the_run(trained: TinyRun, photos: list[Path], out: Path) -> None:
    word, another = CaptionPipeline.load(trained.best).captioner.tokenizer.words[-2:]
    caption(trained.best, photos[0], "--words", word, "--out", out)
    with pytest.raises(ValueError, match="another run"):
        caption(trained.best, photos[0], "--words", another, "--out", out)


@pytest.mark.parametrize("text", ["hello", "hello\n", "{}\n", "[1]\n", '{"run": "0123456789abcdef", "image": "a'])
def test_leaves_files_alone_that_are_not_its_own(trained: TinyRun, photos: list[Path], out: Path, text: str) -> None:
    out.write_text(text)
    with pytest.raises(ValueError, match=r"captions.jsonl: line 1 was not written by this run of caption.py"):
        caption(trained.best, *photos, "--out", out)
    assert out.read_text() == text


def test_skips_unreadable_images_where_it_may(
    trained: TinyRun, photos: list[Path], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos[2].write_text("not a picture")
    arguments = (trained.best, *photos, "--num", 1, "--batch-size", 2, "--out", out)
    with pytest.raises(ValueError, match=r"c.png: not a usable image .*, or skip it with --on-bad-image skip"):
        caption(*arguments)
    assert [Path(line["image"]).name for line in _lines(out)] == NAMES[:2]
    capsys.readouterr()
    caption(*arguments, "--on-bad-image", "skip")
    error = capsys.readouterr().err
    assert f"skipped: {photos[2]}: not a usable image" in error
    assert "1 of 5 images skipped" in error
    assert [Path(line["image"]).name for line in _lines(out)] == ["a.png", "b.png", "d.png", "e.png"]
    save_pictures(out.parent, ["c.png"])
    caption(*arguments, "--on-bad-image", "skip")
    assert {Path(line["image"]).name for line in _lines(out)} == {*NAMES}


def test_refuses_to_write_where_it_must_not(trained: TinyRun, photos: list[Path], out: Path) -> None:
    (out.parent / "folder").mkdir()
    for wrong in (out.parent / "folder", out.parent / "nowhere" / "out.jsonl", "/dev/null"):
        with pytest.raises(ValueError, match=r"--out .*: expected the name of a file in a folder that exists"):
            caption(trained.best, *photos, "--out", wrong)
    for used in (photos[1], trained.best, out.parent / "folder" / ".." / "c.png"):
        with pytest.raises(ValueError, match=r"--out .*: expected another file than those that are read"):
            caption(trained.best, *photos, "--out", used)
    for beside in (
        ["--json"],
        ["--save-reconstruction", out.parent / "out.png"],
        ["--explain", out.parent / "out.html"],
    ):
        with pytest.raises(ValueError, match=r"--out .*: expected no --json, --save-reconstruction or --expl"):
            caption(trained.best, *photos, "--out", out, *beside)
    assert not out.exists()


def test_a_photo_that_is_another_one_now_is_not_taken_for_done(trained: TinyRun, photos: list[Path], out: Path) -> None:
    caption(trained.best, *photos[:2], "--out", out)
    before = out.read_bytes()
    shutil.copy(photos[2], photos[1])
    with pytest.raises(ValueError, match=r"--out .*: line 2 was written of another image than .*b.png is now"):
        caption(trained.best, *photos, "--out", out)
    assert out.read_bytes() == before
