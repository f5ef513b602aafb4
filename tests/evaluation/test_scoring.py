import sys

import numpy as np
import pytest

from evaluation.scoring import cider_d_of_each, score_split
from metrics import ImageCaptions, RougeScore, cider_d, human_captions, score_captions, why_no_meteor
from metrics.paired_captions import all_candidates

IMAGES = [
    ImageCaptions(4, ["a dog runs", "a cat sits"], ["a dog runs fast", "the dog is running"]),
    ImageCaptions(9, ["two birds fly", "some birds"], ["birds fly in the sky", "two birds fly high"]),
]
TRAINING = ["a dog runs", "a horse stands"]


def test_scores_captions_and_people_and_adds_the_metrics_of_the_config() -> None:
    scores = score_split(IMAGES, [RougeScore()], training_captions=TRAINING, no_meteor="meteor=no")
    expected = score_captions(IMAGES, training_captions=TRAINING)
    assert {name: scores.model[name] for name in expected} == pytest.approx(expected)
    assert scores.model.keys() - expected.keys() == {"rouge1", "rouge2", "rougeL"}
    assert scores.human == pytest.approx(human_captions(IMAGES, training_captions=TRAINING))
    assert scores.notes == ["METEOR is left out: meteor=no"]


def test_people_who_said_one_caption_cannot_be_compared() -> None:
    images = [IMAGES[0], IMAGES[1]._replace(references=["two birds fly"])]
    scores = score_split(images, [], training_captions=TRAINING, no_meteor="meteor=no")
    assert scores.human == {}
    assert any("People's captions are not scored" in note for note in scores.notes)


def test_meteor_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["metrics.meteor"], "meteor_unavailable", lambda: "no Java")
    reason = why_no_meteor("auto", option="meteor=")
    scores = score_split(IMAGES, [], training_captions=TRAINING, no_meteor=reason)
    assert "METEOR is left out: no Java" in scores.notes
    assert why_no_meteor("no", option="meteor=") == "meteor=no"
    assert why_no_meteor("no", option="--meteor ") == "--meteor no"
    with pytest.raises(ValueError, match="meteor=yes: no Java"):
        why_no_meteor("yes", option="meteor=")
    with pytest.raises(ValueError, match="--meteor yes: no Java"):
        why_no_meteor("yes", option="--meteor ")
    with pytest.raises(ValueError, match="meteor must be auto, yes or no, got perhaps"):
        why_no_meteor("perhaps", option="meteor=")
    monkeypatch.setattr(sys.modules["metrics.meteor"], "meteor_unavailable", lambda: None)
    assert why_no_meteor("auto", option="meteor=") is why_no_meteor("yes", option="meteor=") is None


def test_cider_d_of_each_caption_is_sorted_by_image() -> None:
    uneven = [IMAGES[0], IMAGES[1]._replace(candidates=["two birds fly", "some birds", "birds fly high"])]
    scores = cider_d_of_each(uneven)
    assert [len(of_image) for of_image in scores] == [2, 3]
    np.testing.assert_allclose(np.concatenate(scores), cider_d(all_candidates(uneven)))
