from pathlib import Path

import pytest
import torch
from PIL import Image

from lightning_modules import CaptionPipeline
from lightning_modules.generation import Beam, Greedy, interpolate_styles
from tests.tiny_run import TinyRun


@pytest.fixture(scope="module")
def pipeline(trained: TinyRun) -> CaptionPipeline:
    return CaptionPipeline.load(trained.best)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise((50, 40), 90).convert("RGB").save(path)
    return path


def test_the_seed_decides_what_is_sampled(pipeline: CaptionPipeline, photo: Path) -> None:
    first = pipeline.describe(photo, num=4, seed=1)
    assert pipeline.describe(photo, num=4, seed=1).captions == first.captions
    others = [pipeline.describe(photo, num=4, seed=seed).captions for seed in (2, 3)]
    assert all(other[1:] != first.captions[1:] for other in others)


def test_the_first_caption_is_the_greedy_one(pipeline: CaptionPipeline, photo: Path) -> None:
    for seed in (0, 1):
        description = pipeline.describe(photo, num=3, seed=seed)
        (greedy,) = pipeline.captioner.describe(description.image_3HW[None], Greedy()).captions
        assert description.captions[0] == greedy[0]
        assert len(description.captions) == 3
    assert pipeline.describe(photo, num=1).captions == greedy


def test_settings_reach_the_sampler(pipeline: CaptionPipeline, photo: Path) -> None:
    bold = pipeline.describe(photo, num=6, temperature=5.0).captions
    assert pipeline.describe(photo, num=6).captions != bold
    for settings in ({"top_k": 1}, {"top_p": 1e-6}, {"filter_thres": 0.9999}):
        assert pipeline.describe(photo, num=6, temperature=5.0, **settings).captions != bold
    with pytest.raises(ValueError, match=r"top_p must be above 0 and at most 1, got 2"):
        pipeline.describe(photo, top_p=2.0)
    with pytest.raises(ValueError, match="num must be at least 1, got 0"):
        pipeline.describe(photo, num=0)


def test_the_global_random_state_stays_as_it_was(pipeline: CaptionPipeline, photo: Path) -> None:
    before = torch.get_rng_state()
    pipeline.describe(photo, num=3, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_each_caption_is_redrawn(pipeline: CaptionPipeline, photo: Path) -> None:
    description = pipeline.describe(photo, num=3)
    assert description.image_3HW.shape == (3, 32, 32)
    assert description.redrawn_N3HW is not None
    assert description.redrawn_N3HW.shape == (3, 3, 32, 32)
    greedy = pipeline.captioner.describe(description.image_3HW[None], Greedy())
    torch.testing.assert_close(description.redrawn_N3HW[0], pipeline.captioner.redraw(greedy.tokens_NL)[0])


def test_describes_many_images_one_by_one(pipeline: CaptionPipeline, photo: Path, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "red").save(tmp_path / "red.jpg")
    paths = [photo, tmp_path / "red.jpg"]
    described = [*pipeline.describe_all(paths, num=2, seed=3)]
    assert [d.path for d in described] == paths
    assert [d.captions for d in described] == [pipeline.describe(path, num=2, seed=3).captions for path in paths]


def test_says_an_image_in_styles(pipeline: CaptionPipeline, photo: Path, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "red").save(tmp_path / "red.jpg")
    own, other = pipeline.style_of(photo), pipeline.style_of(tmp_path / "red.jpg")
    assert own.shape == (3,)
    assert not torch.allclose(own, other)
    said = pipeline.describe_in_styles(photo, interpolate_styles(own[None], other[None], 4))
    assert len(said.captions) == 4
    assert said.captions[0] == pipeline.describe(photo, num=1).captions[0]
    assert said.redrawn_N3HW is not None
    assert len(said.redrawn_N3HW) == 4
    beam = pipeline.describe_in_styles(photo, torch.stack([own, other]), strategy=Beam(num=2))
    assert len(beam.captions) == 4


def test_refuses_what_is_no_image(pipeline: CaptionPipeline, tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"words.jpg: not a usable image"):
        pipeline.describe(tmp_path / "words.jpg")
