"""Sliders of the style: which dimensions, what they are called, and what they change."""

from pathlib import Path

import pytest
import torch

from demonstration.answers import own_style, see
from demonstration.examples import find_examples
from demonstration.style_dimensions import FEW_WORDS, StyleDimension, name_dimensions, positions_of, style_at
from lightning_modules import CaptioningModule
from lightning_modules.exploration import traverse
from tests.captioning.caption_command import save_pictures


def test_dimensions_are_named_by_words_of_their_ends(captioner: CaptioningModule, tmp_path: Path) -> None:
    examples = find_examples(captioner, [], tmp_path)
    assert [example.name for example in examples[:2]] == ["Scene 1", "Scene 2"]
    dimensions = name_dimensions(captioner, examples)
    assert {dimension.number for dimension in dimensions} == {0, 1, 2}
    features = captioner.encode(torch.stack([example.image_3HW for example in examples]))
    for number, name in dimensions:
        (generated,) = traverse(captioner, features, dimensions=[number], values=[-3, 3], max_length=8)
        words = {word for captions in generated.captions for caption in captions for word in caption.split()}
        named = name.replace(",", "").replace("“", " ").replace("”", " ").split()
        assert name == FEW_WORDS or {*named} - {"from", "to", "more", "less"} <= words


def test_a_style_is_changed_where_a_slider_has_moved(captioner: CaptioningModule) -> None:
    picture = see(captioner, torch.full((3, 32, 32), 99, dtype=torch.uint8), "grey")
    dimensions = [StyleDimension(2, "two"), StyleDimension(0, "none")]
    own = positions_of(captioner, picture, dimensions)
    style = own_style(captioner, picture)
    assert torch.equal(style_at(captioner, picture, dimensions, own), style.sample)
    moved = style_at(captioner, picture, dimensions, [2.0, own[1]])[0]
    prior = style.prior.as_gaussian()
    torch.testing.assert_close(moved[:2], style.sample[0, :2])
    torch.testing.assert_close(moved[2], prior.mean[0, 2] + 2 * torch.exp(0.5 * prior.log_variance[0, 2]))
    end = style_at(captioner, picture, dimensions, [99.0, own[1]])
    assert torch.equal(end, style_at(captioner, picture, dimensions, [3.0, own[1]]))


def test_examples_are_the_pictures_that_are_named(captioner: CaptioningModule, tmp_path: Path) -> None:
    good, _ = save_pictures(tmp_path, ["a.png", "c.png"])
    (tmp_path / "b.png").write_text("no picture")
    assert [example.name for example in find_examples(captioner, [tmp_path], tmp_path)] == ["a", "c"]
    with pytest.raises(ValueError, match=r"--examples: none of the 1 images can be read; the first: .*b\.png"):
        find_examples(captioner, [tmp_path / "b.png"], tmp_path)
    assert find_examples(captioner, [good], tmp_path)[0].path == good
