import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from callbacks import CaptionMetrics
from callbacks.caption_metrics import refuse_single_captions
from evaluation.scoring import cider_d_of_each, score_split
from metrics import (
    CaptionScores,
    ImageCaptions,
    Meteor,
    RougeScore,
    cider_d,
    human_captions,
    score_captions,
    why_no_meteor,
)
from metrics.paired_captions import all_candidates
from tests.metrics.fake_java import COMMA, install_meteor

IMAGES = [
    ImageCaptions(4, ["a dog runs", "a cat sits"], ["a dog runs fast", "the dog is running"]),
    ImageCaptions(9, ["two birds fly", "some birds"], ["birds fly in the sky", "two birds fly high"]),
]
TRAINING = ["a dog runs", "a horse stands"]


def test_scores_captions_and_people_and_adds_the_metrics_of_the_config() -> None:
    scores = score_split(IMAGES, [RougeScore()], training_captions=TRAINING, no_meteor="meteor=no")
    expected = score_captions(IMAGES, training_captions=TRAINING)
    assert {name: scores.model[name] for name in expected} == pytest.approx(expected)
    assert scores.model.keys() - expected.keys() == {"rouge_score/rouge1", "rouge_score/rouge2", "rouge_score/rougeL"}
    assert scores.human == pytest.approx(human_captions(IMAGES, training_captions=TRAINING))
    assert scores.notes == ["METEOR is left out: meteor=no"]


def test_humans_with_one_caption_cannot_be_compared() -> None:
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


@pytest.fixture
def failing_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A METEOR that is there, and fails."""
    program = install_meteor(tmp_path, COMMA)
    monkeypatch.setenv("FACET_METEOR_JAR", program["jar"])
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return program


def test_a_meteor_that_fails_is_left_out_unless_it_is_insisted_on(failing_java: dict[str, str]) -> None:
    assert why_no_meteor("auto", option="meteor=") is None
    scores = score_split(IMAGES, [Meteor(**failing_java), RougeScore()], training_captions=TRAINING, no_meteor=None)
    without = score_split(IMAGES, [RougeScore()], training_captions=TRAINING, no_meteor="meteor=no")
    assert (scores.model, scores.human) == (without.model, without.human)
    failure = "METEOR ended before it had answered: Exception in thread main java.util.InputMismatchException"
    assert scores.notes == [f"METEOR is left out: {failure}", f"Meteor of metrics= is left out: {failure}"]
    with pytest.raises(ValueError, match=r"^meteor=yes: METEOR ended before it had answered"):
        score_split(IMAGES, [], training_captions=TRAINING, no_meteor=None, meteor="yes")


def test_validation_goes_on_without_a_metric_whose_program_fails(
    failing_java: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    meteor = Meteor(**failing_java)
    meteor.distributed_available_fn = lambda: True  # as on several processes: captions are exchanged before it fails
    meteor.dist_sync_fn = lambda captions, group=None: [captions]
    metrics = CaptionMetrics({"meteor": meteor, "rouge_score": RougeScore()})
    logged: dict[str, float] = {}
    captioner: Any = SimpleNamespace(log=lambda name, value, **_: logged.update({name: value}))
    for _ in range(2):  # the metric can be used again
        for metric in metrics.metrics.values():
            metric.update([["a dog"]], [["a dog"]], torch.tensor([1]))
        metrics.conclude(None, captioner, "val")  # type: ignore[arg-type]
        metrics.forget()
    assert {*logged} == {"val/rouge_score/rouge1", "val/rouge_score/rouge2", "val/rouge_score/rougeL"}
    assert [message.split(": METEOR")[0] for message in caplog.messages] == [
        "val: metrics.meteor is left out of this evaluation"
    ] * 2


def test_the_first_validation_tells_of_captions_without_spaces(caplog: pytest.LogCaptureFixture) -> None:
    metrics = CaptionMetrics({"rouge": RougeScore()})
    captioner: Any = SimpleNamespace(log=lambda *_, **__: None, device=torch.device("cpu"))
    batch: Any = SimpleNamespace(references=[["一只狗在草地上"]], image_ids_B=torch.tensor([1]))
    output: Any = SimpleNamespace(generated=SimpleNamespace(captions=[["a"]]))
    for _ in range(2):
        metrics.observe(None, captioner, output, batch)  # type: ignore[arg-type]
        metrics.conclude(None, captioner, "val")  # type: ignore[arg-type]
    (message,) = caplog.messages
    assert message.startswith("val: captions written without spaces between words: 1")


def test_metrics_of_several_captions_are_refused_for_one() -> None:
    metrics = {"rouge_score": RougeScore(), "coco": CaptionScores(several=True)}
    refuse_single_captions(metrics, 2)
    with pytest.raises(ValueError, match=r"metrics.coco: expected several captions of each image, got 1; choose"):
        refuse_single_captions(metrics, 1)


def test_cider_d_of_each_caption_is_sorted_by_image() -> None:
    uneven = [IMAGES[0], IMAGES[1]._replace(candidates=["two birds fly", "some birds", "birds fly high"])]
    scores = cider_d_of_each(uneven)
    assert [len(of_image) for of_image in scores] == [2, 3]
    np.testing.assert_allclose(np.concatenate(scores), cider_d(all_candidates(uneven)))
