"""Attention in TensorBoard: a picture a validation, a tile a word."""

from pathlib import Path

import torch

from callbacks.attention_maps import draw_attention
from lightning_modules.results.explained_captions import ExplainedCaption
from lightning_modules.results.explanation import ExplainedWord
from pictures.captioned_image import IMAGE_SIDE
from tests.tiny_run import TinyRun, run_tiny


def test_each_evaluation_shows_attention(trained: TinyRun) -> None:
    for stage in ("val", "test"):
        (event,) = trained.events.Images(f"{stage}/attention")
        assert event.height > IMAGE_SIDE


def test_a_model_without_attention_shows_none(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "test=false", choices=["model/attention=none"])
    assert "val/attention" not in run.events.Tags()["images"]


def test_each_word_has_a_tile_that_glows_where_the_model_looked() -> None:
    image_3HW = torch.full((3, 40, 40), 128, dtype=torch.uint8)
    left_HW, right_HW = torch.eye(2)[:, None].expand(2, 2, 2) / 2
    words = [ExplainedWord(text, True, 0.0, left_HW) for text in ("one", "two", "three", "four")]
    caption = ExplainedCaption("", [*words, ExplainedWord("", True, 0.0, right_HW)], 0.0, True)
    picture_3HW = draw_attention(image_3HW, caption)
    one_row_3HW = draw_attention(image_3HW, caption._replace(words=words))
    assert picture_3HW.shape[2] == one_row_3HW.shape[2]
    assert picture_3HW.shape[1] > one_row_3HW.shape[1] > IMAGE_SIDE
    spread_HW = (picture_3HW.amax(0).int() - picture_3HW.amin(0).int()).float()  # grey has none
    first_HH, last_HH = (spread_HW[rows, 14 : 14 + IMAGE_SIDE] for rows in (slice(45, 243), slice(-210, -20)))
    assert first_HH[:, :60].mean() > 10 * first_HH[:, -60:].mean()
    assert last_HH[:, -60:].mean() > 10 * last_HH[:, :60].mean()
