"""Styles of captions, and the truth of each, by hand."""

import pytest
import torch

from datamodules.shapes import StyleScores
from datamodules.shapes.grammar import captions_at

SEED = 42


def _scores(candidates: list[list[str]]) -> dict[str, float]:
    metric = StyleScores(seed=SEED)
    ids = torch.arange(len(candidates))
    metric.update(candidates, [captions_at(SEED, index) for index in range(len(candidates))], ids)
    return {name: value.item() for name, value in metric.compute().items()}


def test_the_grammars_own_captions_have_its_styles_and_are_true() -> None:
    scores = _scores([captions_at(SEED, index) for index in range(20)])
    assert {name: value for name, value in scores.items() if "share" in name} == {
        **{f"style_share/{style}": 0.2 for style in ("terse", "plain", "relational", "located", "wordy")},
        "style_share/none": 0.0,
    }
    assert {value for name, value in scores.items() if "truth" in name} == {1.0}
    assert scores["style_distance"] == pytest.approx(0, abs=1e-12)


def test_shares_truth_and_distance_by_hand() -> None:
    true, false = captions_at(SEED, 1)[0], "a red star and a red star and a red star"
    scores = _scores([[true, false], [captions_at(SEED, 0)[4], "a dog"]][::-1])
    assert scores["style_share/terse"] == 0.5
    assert scores["style_share/wordy"] == scores["style_share/none"] == 0.25
    assert scores["style_truth/terse"] == 0.5
    assert scores["style_truth/wordy"] == 1.0
    assert "style_truth/plain" not in scores
    # 0.5, 0, 0, 0, 0.25 and 0.25 against five times 0.2 and 0
    assert scores["style_distance"] == pytest.approx((0.3 + 3 * 0.2 + 0.05 + 0.25) / 2)


def test_one_caption_an_image_has_no_shares() -> None:
    assert _scores([[captions_at(SEED, 0)[0]]]) == {}
