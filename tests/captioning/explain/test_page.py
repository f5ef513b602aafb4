"""The page of `caption.py --explain`."""

import re
from pathlib import Path

import pytest

from captioning.explain.page import render
from captioning.pipeline import CaptionPipeline
from lightning_modules import VariationalCaptioner
from tests.captioning.caption_command import caption, caption_json, save_pictures
from tests.evaluation.report.test_page import Page
from tests.tiny_run import TinyRun


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return save_pictures(tmp_path, ["<b>one.png", "two.png"])


def test_every_picture_is_a_section_of_one_page(
    trained: TinyRun, photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.html"
    described = caption_json(capsys, trained.best, *photos, "--num", 2, "--explain", out)
    html = out.read_text()
    page = Page(html)
    assert not page.open
    text = " ".join(page.text.split())
    assert page.count("b") > 0
    assert "<b>one" not in html
    for record in described:
        assert record["image"] in text
        for nats in record["log_probabilities"]:
            assert f"log P = {nats:.1f} nats".replace("-", "−") in html
    for part in ("Where it looked", "In other styles", "Dimension", "+1.5"):
        assert text.count(part) >= len(photos)
    links = [attributes[name] or "" for _, attributes in page.tags for name in ("src", "href") if name in attributes]
    assert links
    assert all(link.startswith("data:image/") for link in links)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed"})
    assert not re.search(r"@import|@font-face|url\(", html)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".png"] == ["out.html"]


def test_captions_are_those_without_the_page(
    trained: TinyRun, photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [trained.best, *photos, "--num", 3, "--rank", "likelihood"]
    alone = caption_json(capsys, *settings)
    assert caption_json(capsys, *settings, "--explain", tmp_path / "out.html") == alone


def test_given_styles_are_named_and_traversed_no_further(trained: TinyRun, photos: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    caption(trained.best, photos[1], "--traverse", 1, "--values=-2,2", "--explain", out)
    text = Page(out.read_text()).text
    assert "dimension 1 = -2" in text
    assert "In other styles" not in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--explain", "{}/out.png"], "--explain .*out.png: expected the name of a .html file in a folder that exists"),
        (["--explain", "{}/nowhere/out.html"], "--explain .*: expected the name of a .html file in a folder that"),
        (["--explain", "{}/there.html"], "--explain .*there.html: a file of this name is there, and would be lost"),
        (["--explain", "{}/out.html", "--out", "{}/lines.jsonl"], "--out .*: expected no --json, --save-recons"),
    ],
)
def test_refuses_what_makes_no_sense(
    settings: list[str], message: str, trained: TinyRun, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "there.html").write_text("mine")
    with pytest.raises(ValueError, match=message):
        caption(trained.best, photos[1], *(setting.format(tmp_path) for setting in settings))
    assert (tmp_path / "there.html").read_text() == "mine"
    assert not (tmp_path / "out.html").exists()


def test_a_model_that_cannot_tell_says_so(
    trained: TinyRun, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VariationalCaptioner, "can_explain", False)
    with pytest.raises(ValueError, match="--explain: this model cannot tell how it comes to its words"):
        caption(trained.best, photos[1], "--explain", tmp_path / "out.html")


def test_no_usable_picture_makes_no_page(trained: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"--explain .*out.html: there is no usable image to show"):
        caption(trained.best, tmp_path / "bad.png", "--on-bad-image", "skip", "--explain", tmp_path / "out.html")


def test_the_pipeline_explains_where_it_is_asked_to(trained: TinyRun, photos: list[Path]) -> None:
    pipeline = CaptionPipeline.load(trained.best)
    strategy = pipeline.captioner.strategy
    (plain,) = pipeline.describe_batch(photos[1:], [strategy, strategy])
    (explained,) = pipeline.describe_batch(photos[1:], [strategy, strategy], explain=True)
    assert plain.explained is None
    assert explained.explained is not None
    assert [of_caption.caption for of_caption in explained.explained] == explained.captions
    assert render([]).count("<section>") == 0
