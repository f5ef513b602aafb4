import pytest
import torch
from rouge_score.rouge_scorer import RougeScorer

from metrics import RougeScore, rouge

CANDIDATES = ["two dogs running in the snow", "a man", "", "Children are playing, happily!"]
REFERENCES = [
    ["Two dogs run through snow .", "A brown dog is in the snow", "animals"],
    ["A man rides a bike ."],
    ["something is there"],
    ["A child plays happily .", "The children play", "nobody here"],
]


def _by_the_package(candidate: str, references: list[str], use_stemmer: bool) -> tuple[float, ...]:
    names = ["rouge1", "rouge2", "rougeL"]
    best = RougeScorer(names, use_stemmer=use_stemmer)
    return tuple(max(best.score(reference, candidate)[name].fmeasure for reference in references) for name in names)


@pytest.mark.parametrize("use_stemmer", [True, False])
def test_is_that_of_the_package_with_the_best_reference(use_stemmer: bool) -> None:
    for candidate, references in zip(CANDIDATES, REFERENCES, strict=True):
        expected = _by_the_package(candidate, references, use_stemmer)
        assert rouge(candidate, references, use_stemmer=use_stemmer) == expected


def test_hand_values() -> None:
    # 3 words of 4 and of 5 in common: F = 2 · 3 / 9; pairs: "a b" of 3 and of 4: 2 / 7; longest in order: a b d
    assert rouge("aa bb cc dd", ["aa bb dd ee ff"]) == pytest.approx((2 * 3 / 9, 2 * 1 / 7, 2 * 3 / 9))
    assert rouge("running dogs", ["run dog"]) == pytest.approx((1.0, 1.0, 1.0))
    assert rouge("running dogs", ["run dog"], use_stemmer=False) == (0.0, 0.0, 0.0)


def test_words_of_any_script_count() -> None:
    assert rouge("красный круг на сером фоне", ["Красный круг, на сером фоне."]) == (1.0, 1.0, 1.0)
    assert rouge("一只狗", ["一只猫"]) == pytest.approx((2 / 3, 1 / 2, 2 / 3))  # by the character
    assert rouge("cafe\u0301s", ["the cafés"]) == pytest.approx((2 / 3, 0, 2 / 3))


def test_an_image_is_the_mean_of_its_candidates_and_the_result_that_of_the_images() -> None:
    metric = RougeScore(use_stemmer=False)
    metric.update([CANDIDATES[:2], CANDIDATES[3:]], [REFERENCES[0], REFERENCES[3]], torch.tensor([7, 3]))
    images = [
        [_by_the_package(candidate, REFERENCES[0], False) for candidate in CANDIDATES[:2]],
        [_by_the_package(CANDIDATES[3], REFERENCES[3], False)],
    ]
    for i, name in enumerate(RougeScore.names):
        means = [sum(scores[i] for scores in image) / len(image) for image in images]
        assert metric.compute()[name].item() == pytest.approx(sum(means) / 2)
