"""`benchmarks/latents_against_words.py`: measures of two ways to diversity, read off at equal accuracy."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import latents_against_words
from benchmarks.latents_against_words import (
    ACCURACY,
    MEANS,
    MEASURES,
    ahead,
    at_mean,
    best_at,
    compared,
    curves_of,
    main,
)
from tests.tiny_run import TinyRun, tiny_overrides


def points(measure: str, *pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{ACCURACY: mean, measure: value} for mean, value in pairs]


def test_a_measure_is_read_off_between_two_points_of_a_curve_in_any_order() -> None:
    curve = points("B/Div-2", (0.4, 0.2), (0.2, 0.6), (0.3, 0.5))
    assert at_mean(curve, "B/Div-2", 0.35) == pytest.approx(0.35)
    assert at_mean(curve, "B/Div-2", 0.2) == pytest.approx(0.6)
    assert math.isnan(at_mean(curve, "B/Div-2", 0.45))
    assert math.isnan(at_mean(curve, "B/Div-2", 0.19))


def test_the_best_of_a_ways_curves_counts_by_what_the_measure_calls_better() -> None:
    for measure, best in (("B/Div-2", 0.5), ("B/mBLEU-4", 0.3)):
        curves = {
            "low": points(measure, (0.2, 0.3), (0.3, 0.3)),
            "high": points(measure, (0.2, 0.5), (0.3, 0.5)),
            "elsewhere": points(measure, (0.5, 0.0), (0.6, 1.0)),
        }
        assert best_at(curves, measure, 0.25) == pytest.approx(best)
    assert math.isnan(best_at(curves, measure, 0.4))


def test_latents_are_ahead_where_both_ways_reach_the_mean_and_theirs_is_better() -> None:
    latents = {"one": points("B/mBLEU-4", (0.2, 0.1), (0.3, 0.5))}
    words = {"one": points("B/mBLEU-4", (0.2, 0.3), (0.36, 0.3))}
    is_ahead = ahead(compared([{"latents": latents, "words": words}], "B/mBLEU-4"), "B/mBLEU-4")
    expected = [mean < 0.25 for mean in MEANS]
    assert is_ahead.tolist() == [expected]


def test_no_strategy_makes_more_captions_than_another() -> None:
    strategies = [s for curves in curves_of(7, 12).values() for curve in curves.values() for s in curve]
    assert {strategy.num for strategy in strategies} == {7}
    assert {strategy.max_length for strategy in strategies} == {12}


def test_measures_every_point_of_every_model(trained: TinyRun, tmp_path: Path) -> None:
    out = tmp_path / "curves.json"
    checkpoints = [f"--checkpoint={trained.best}"] * 2
    settings = [*tiny_overrides((), "evaluate")[2:], "split=val"]
    rows = main([*checkpoints, "--num=2", f"--out={out}", *settings])
    figures = json.loads(out.read_text())
    assert [row["measure"] for row in rows] == [*MEASURES]
    assert len(figures["models"]) == 2
    num_points = {way: sum(map(len, curves.values())) for way, curves in figures["models"][0].items()}
    assert num_points == {way: sum(map(len, curves.values())) for way, curves in curves_of(2, 9).items()}
    assert out.with_suffix(".png").stat().st_size > 0


def test_refuses_one_caption_and_models_without_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="--num must be at least 2"):
        main(["--checkpoint=a.ckpt", "--num=1"])
    without = SimpleNamespace(captioner=SimpleNamespace(has_latents=False), split=None)
    config = SimpleNamespace(checkpoint="a.ckpt", batch_size=1)
    monkeypatch.setattr(latents_against_words, "prepared", lambda overrides: (config, without))
    with pytest.raises(ValueError, match=r"checkpoint=a\.ckpt: expected a model with latents"):
        main(["--checkpoint=a.ckpt"])
