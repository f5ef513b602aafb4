from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from captioning import CaptionPipeline
from lightning_modules.generation import Sample, interpolate_styles, traverse_style
from tests.captioning.caption_command import caption, caption_json, save_pictures
from tests.tiny_run import TinyRun, run_tiny


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return save_pictures(tmp_path, ["a.png", "b.png"])


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An image unlike the photos, which are noise: even a model that has hardly learned gives it another style."""
    path = tmp_path / "elsewhere" / "other.png"
    path.parent.mkdir()
    Image.new("RGB", (32, 32), "white").save(path)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A model whose images have styles of their own."""
    return run_tiny(
        tmp_path_factory.mktemp("runs") / "trained", choices=["model/latents=gaussian", "model/combiner=mult"]
    )


@pytest.fixture(scope="module")
def pipeline(trained: TinyRun) -> CaptionPipeline:
    return CaptionPipeline.load(trained.best)


def _expect(described: list[dict[str, Any]], pipeline: CaptionPipeline, styles: list[Tensor]) -> None:
    """Compare with the pipeline, image by image: log-probabilities tell styles apart whose captions are the same."""
    for entry, style_KS in zip(described, styles, strict=True):
        expected = pipeline.describe_in_styles(entry["image"], style_KS)
        assert entry["captions"] == expected.captions
        assert entry["log_probabilities"] == pytest.approx(expected.log_probabilities, abs=2e-3)


def test_another_images_style(
    trained: TinyRun, photos: list[Path], other: Path, pipeline: CaptionPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    described = caption_json(capsys, trained.best, *photos, "--style-from", other)
    _expect(described, pipeline, [pipeline.style_of(other)[None]] * 2)
    assert [entry["styles"] for entry in described] == [[f"of {other}"]] * 2
    plain = caption_json(capsys, trained.best, *photos, "--num", 1)
    assert [entry["log_probabilities"] for entry in plain] != [entry["log_probabilities"] for entry in described]
    assert "styles" not in plain[0]


def test_a_style_in_numbers(
    trained: TinyRun, photos: list[Path], pipeline: CaptionPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    described = caption_json(capsys, trained.best, *photos, "--style", "-3,2.5,4")
    _expect(described, pipeline, [torch.tensor([[-3, 2.5, 4]])] * 2)
    with pytest.raises(ValueError, match=r"expected styles of 3 numbers, .* got a tensor of shape \[2, 2\]"):
        caption(trained.best, *photos, "--style", "-3,2.5")
    for wrong in ("1,b", "1,,2", "nan", "inf"):
        with pytest.raises(ValueError, match="argument --style: expected numbers with commas between them"):
            caption(trained.best, *photos, "--style", wrong)


def test_styles_on_the_way_to_another(
    trained: TinyRun, photos: list[Path], other: Path, pipeline: CaptionPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    described = caption_json(capsys, trained.best, *photos, "--style-from", other, "--interpolate", 5)
    own = [pipeline.style_of(photo)[None] for photo in photos]
    _expect(described, pipeline, [interpolate_styles(style, pipeline.style_of(other)[None], 5) for style in own])
    assert described[1]["styles"] == [f"{share}% of the way" for share in (0, 25, 50, 75, 100)]


def test_a_dimension_is_traversed(
    trained: TinyRun, photos: list[Path], pipeline: CaptionPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [pipeline.style_of(photo)[None] for photo in photos]
    described = caption_json(capsys, trained.best, *photos, "--traverse", 1)
    _expect(described, pipeline, [traverse_style(style, 1, range(-3, 4)) for style in own])
    assert described[0]["styles"] == [f"dimension 1 = {value}" for value in range(-3, 4)]
    described = caption_json(capsys, trained.best, *photos, "--traverse", 2, "--values", "-2,.5")
    _expect(described, pipeline, [traverse_style(style, 2, (-2, 0.5)) for style in own])
    with pytest.raises(ValueError, match="dimension must be from 0 to 2"):
        caption(trained.best, *photos, "--traverse", 3)


@pytest.mark.parametrize("strategy", ["sample", "beam", "latent", "latent_set"])
def test_other_strategies_generate_all_their_captions_in_each_style(
    trained: TinyRun, photos: list[Path], strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments: list[object] = ["--traverse", 0, "--values", "-9,9", "--strategy", strategy, "--num", 3]
    described = caption_json(capsys, trained.best, *photos, *arguments)
    for entry in described:
        assert len(entry["captions"]) == 6
        assert entry["styles"] == ["dimension 0 = -9"] * 3 + ["dimension 0 = 9"] * 3
        assert entry.get("num_draws") == (2 * 50 if strategy == "latent_set" else None)
    if strategy == "latent":  # its draws would be styles: in a given one, all captions are the same
        assert all(len(set(entry["log_probabilities"][:3])) == 1 for entry in described)
        assert all(len(set(entry["log_probabilities"])) == 2 for entry in described)


def test_samples_of_each_style_are_those_of_the_pipeline(
    trained: TinyRun, photos: list[Path], other: Path, pipeline: CaptionPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments: list[object] = ["--style-from", other, "--strategy", "sample", "--num", 3, "--seed", 8]
    described = caption_json(capsys, trained.best, *photos, *arguments)
    style_S = pipeline.style_of(other)
    expected = pipeline.describe_batch(
        photos, [Sample(num=3, max_length=8)], seed=8, styles=lambda own: style_S.expand(3 * len(own.sample), -1)
    )
    assert [entry["captions"] for entry in described] == [description.captions for description in expected]


def test_text_names_the_styles_where_there_are_several(
    trained: TinyRun, photos: list[Path], other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caption(trained.best, photos[0], "--traverse", 0, "--values", "-2,1.5")
    name, first, second = capsys.readouterr().out.splitlines()
    assert name == str(photos[0])
    assert first.endswith("  (dimension 0 = -2)")
    assert second.endswith("  (dimension 0 = 1.5)")
    caption(trained.best, photos[0], "--style-from", other)
    assert "of " + str(other) not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style-from", "a.png", "--style", "1,2,3"], "--style-from and --style: expected one of them"),
        (["--style", "1,2,3", "--traverse", 0], "--style and --traverse: expected one of them"),
        (["--interpolate", 3], "--interpolate 3: expected --style-from"),
        (["--interpolate", 3, "--traverse", 0], "--interpolate 3: expected --style-from"),
        (["--interpolate", 1, "--style-from", "a.png"], "--interpolate 1: expected at least 2 styles"),
        (["--values", "1,2"], "--values: expected --traverse"),
        (["--traverse", 0, "--rank", "likelihood"], "--rank likelihood: expected captions of one style"),
        (["--style-from", "gone.png"], "gone.png: there is no such file"),
    ],
)
def test_contradictions_are_named(trained: TinyRun, photos: list[Path], arguments: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        caption(trained.best, *photos, *arguments)


def test_the_style_of_a_caption(
    tmp_path_factory: pytest.TempPathFactory, photos: list[Path], other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = ["model/latents=conditional_mixture", "model.latents.prior_sees_image=false"]
    best = run_tiny(tmp_path_factory.mktemp("runs") / "reads-captions", choices=choices).best
    pipeline = CaptionPipeline.load(best)
    styles = [pipeline.style_of(other, words) for words in ("red disc", "we see one shape namely a big red disc")]
    assert not torch.allclose(*styles)
    described = caption_json(capsys, best, *photos, "--style-from", other, "--style-caption", "red disc")
    _expect(described, pipeline, [styles[0][None]] * 2)
    assert [entry["styles"] for entry in described] == [["of red disc"]] * 2
    with pytest.raises(ValueError, match="the style of this model is the same for every image; add --style-caption"):
        caption(best, *photos, "--style-from", other)
    with pytest.raises(ValueError, match="--style-caption: expected --style-from"):
        caption(best, *photos, "--style-caption", "red disc")


def test_a_model_that_reads_no_captions_has_no_style_of_one(pipeline: CaptionPipeline, other: Path) -> None:
    with pytest.raises(ValueError, match="the style of this model is that of the image alone; leave the caption out"):
        pipeline.style_of(other, "red disc")
