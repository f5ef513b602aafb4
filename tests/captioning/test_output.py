import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import captioning.batches
from captioning import CaptionPipeline, Description
from captioning.output import Shown, as_record, as_text
from lightning_modules.generation import Sample
from tests.captioning.caption_command import caption, caption_json, save_pictures
from tests.tiny_run import TinyRun

DESCRIPTION = Description(
    Path("a.png"),
    captions=["a dog", "a dog and"],
    log_probabilities=[-1.23456, -2.0],
    scores=[0.5, 0.123456],
    finished=[True, False],
    image_3HW=torch.zeros(3, 2, 2),
    reconstruction_N3HW=None,
)


def test_text_marks_unfinished_captions_and_names_styles_that_differ() -> None:
    assert as_text(DESCRIPTION, Shown()) == "a.png\n  1. a dog\n  2. a dog and …"
    assert as_text(DESCRIPTION, Shown(["here", "there"])) == "a.png\n  1. a dog  (here)\n  2. a dog and …  (there)"
    assert as_text(DESCRIPTION, Shown(["here", "here"])) == as_text(DESCRIPTION, Shown())


def test_records_hold_what_is_known_of_each_caption() -> None:
    record: dict[str, Any] = {
        "image": "a.png",
        "captions": ["a dog", "a dog and"],
        "log_probabilities": [-1.2346, -2.0],
        "finished": [True, False],
    }
    assert as_record(DESCRIPTION, Shown()) == record
    assert as_record(DESCRIPTION._replace(num_draws=17), Shown()) == {**record, "num_draws": 17}
    scored = {**record, "scores": [0.5, 0.1235], "styles": ["here", "there"]}
    assert as_record(DESCRIPTION, Shown(["here", "there"], scores=True)) == scored


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return save_pictures(tmp_path, [f"{number:02d}.png" for number in range(11)])


def test_json_agrees_with_the_pipeline(
    trained: TinyRun, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = caption_json(capsys, trained.best, photos[0], "--strategy", "sample", "--num", 99)
    expected = CaptionPipeline.load(trained.best).describe_batch([photos[0]], [Sample(num=99, max_length=8)])[0]
    assert printed == [as_record(expected, Shown())]
    assert len(set(expected.finished)) == 2, "a weak test: all captions are finished, or none is"


def test_batches_are_as_large_as_is_asked_for_and_change_nothing(
    trained: TinyRun, photos: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[int] = []
    describe_batch = CaptionPipeline.describe_batch

    def counted(self: CaptionPipeline, paths: list[Path], **settings: Any) -> list[Description]:
        sizes.append(len(paths))
        return describe_batch(self, paths, **settings)

    monkeypatch.setattr(CaptionPipeline, "describe_batch", counted)
    large = caption_json(capsys, trained.best, *photos, "--num", 2)
    small = caption_json(capsys, trained.best, *photos, "--num", 2, "--batch-size", 4)
    assert sizes == [11, 4, 4, 3]
    assert [entry["captions"] for entry in large] == [entry["captions"] for entry in small]
    with pytest.raises(ValueError, match="--batch-size 0: expected at least 1"):
        caption(trained.best, *photos, "--batch-size", 0)


@pytest.mark.parametrize(("num", "terminal", "shows"), [(11, True, True), (9, True, False), (11, False, False)])
def test_a_bar_shows_many_images(
    trained: TinyRun,
    photos: list[Path],
    num: int,
    terminal: bool,
    shows: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    caption(trained.best, *photos[:num], "--num", 1, "--batch-size", 4)
    printed = capsys.readouterr()
    assert ("11/11" in printed.err) == shows
    assert ("image/s" in printed.err or "s/image" in printed.err) == shows
    lines = printed.out.splitlines()
    assert lines[::2] == [str(photo) for photo in photos[:num]]  # stdout has nothing of the bar
    assert all(line.startswith("  1. ") for line in lines[1::2])
    assert captioning.batches.MANY == 10


def test_nothing_is_reconstructed_that_nobody_sees(
    trained: TinyRun, photos: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[bool] = []
    describe_batch = CaptionPipeline.describe_batch

    def watched(self: CaptionPipeline, paths: list[Path], **settings: Any) -> list[Description]:
        asked.append(settings["reconstruct"])
        return describe_batch(self, paths, **settings)

    monkeypatch.setattr(CaptionPipeline, "describe_batch", watched)
    caption(trained.best, photos[0])
    caption(trained.best, photos[0], "--save-reconstruction", tmp_path / "out.png")
    assert asked == [False, True]
    with pytest.raises(ValueError, match=r"--save-reconstruction .*: expected another file than those that are read"):
        caption(trained.best, photos[0], "--save-reconstruction", photos[0])


def test_a_picture_of_no_usable_image_is_a_mistake(trained: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("not a picture")
    arguments = (tmp_path / "bad.png", "--on-bad-image", "skip", "--save-reconstruction", tmp_path / "out.png")
    with pytest.raises(ValueError, match=r"--save-reconstruction .*: there is no usable image to draw"):
        caption(trained.best, *arguments)
