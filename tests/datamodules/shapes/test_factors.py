import numpy as np

from datamodules.shapes.factors import caption_factors, scene_factors
from datamodules.shapes.grammar import STYLES, captions_at
from datamodules.shapes.scene import Background, Scene, SceneObject, scene_at
from metrics.factor import UNKNOWN, Factor

SCENE = Scene(
    (SceneObject("star", "red", "small", "top"), SceneObject("cross", "cyan", "large", "left")),
    Background("grey", "dotted"),
)


def _named(factors: list[Factor], row: int = 0) -> dict[str, str | None]:
    labels = {factor.name: int(factor.labels_N[row]) for factor in factors}
    return {
        factor.name: None if labels[factor.name] == UNKNOWN else factor.classes[labels[factor.name]]
        for factor in factors
    }


def test_factors_of_a_scene_by_hand() -> None:
    named = _named(scene_factors([SCENE]))
    assert {name: value for name, value in named.items() if not name.startswith("has_")} == {
        "num_objects": "2",
        "tone": "grey",
        "pattern": "dotted",
        "first_shape": "star",
        "first_colour": "red",
        "first_size": "small",
        "first_place": "top",
    }
    assert {name for name, value in named.items() if value == "yes"} == {"has_star", "has_cross", "has_red", "has_cyan"}


def test_generative_factors_vary_by_themselves() -> None:
    """Their mutual information over many scenes is small, but for places: of more objects the first is further up."""
    scenes = [scene_at(0, index) for index in range(2000)]
    generative = [factor for factor in scene_factors(scenes) if factor.is_generative and factor.name != "first_place"]
    labels_NF = np.stack([factor.labels_N for factor in generative], axis=1)
    correlation_FF = np.corrcoef(labels_NF.T) - np.eye(labels_NF.shape[1])
    assert len(generative) == 6
    assert np.abs(correlation_FF).max() < 0.08


def test_factors_of_captions_by_hand() -> None:
    captions = ["a red star and a cyan cross", "in the upper left a small blue box", "no caption of these"]
    assert _named(caption_factors(captions)) == {
        "style_family": "terse",
        "length": "short",
        "first_shape_claimed": "star",
        "first_colour_claimed": "red",
    }
    assert _named(caption_factors(captions), 1)["first_shape_claimed"] == "square"
    unread = _named(caption_factors(captions), 2)
    assert unread.pop("length") == "short"
    assert {*unread.values()} == {None}


def test_the_first_factor_is_the_style_that_the_grammar_wrote_in() -> None:
    captions = [caption for index in range(50) for caption in captions_at(3, index)]
    assert [caption_factors(captions)[0].classes[i] for i in caption_factors(captions)[0].labels_N] == 50 * [*STYLES]
