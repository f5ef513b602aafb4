"""The metric of all scores: what `score_captions` gives of the images that it was updated with."""

from pathlib import Path

import pytest
import torch

from metrics import CaptionScores, DocumentFrequencies, score_captions
from tests.metrics.test_scorer import SEVERAL


def _updated(metric: CaptionScores, order: list[int]) -> CaptionScores:
    for row in order:
        image = SEVERAL[row]
        metric.update([image.candidates], [image.references], torch.tensor([image.image_id]))
    return metric


@pytest.mark.parametrize("several", [False, True])
def test_the_scores_are_those_of_the_function_for_any_order_and_repeats(several: bool) -> None:
    images = SEVERAL if several else [image._replace(candidates=image.candidates[:1]) for image in SEVERAL]
    metric = _updated(CaptionScores(several=several), [2, 0, 4, 1, 3, 2])
    results = {name: value.item() for name, value in metric.compute().items()}
    assert results == pytest.approx(score_captions(images), rel=1e-12)
    assert ("mean/CIDEr-D" in results) == several
    at_once = CaptionScores(several=several)
    at_once.update(
        [image.candidates for image in SEVERAL],
        [image.references for image in SEVERAL],
        torch.tensor([image.image_id for image in SEVERAL]),
    )
    assert at_once.compute() == metric.compute()


def test_document_frequencies_may_be_those_of_a_file(tmp_path: Path) -> None:
    frequencies = DocumentFrequencies(100, {"dog": 2, "a": 99})
    frequencies.save(tmp_path / "frequencies.json")
    metric = _updated(CaptionScores(several=True, document_frequencies=tmp_path / "frequencies.json"), [*range(5)])
    results = {name: value.item() for name, value in metric.compute().items()}
    assert results == pytest.approx(score_captions(SEVERAL, frequencies=frequencies), rel=1e-12)
    with pytest.raises(ValueError, match=r"nothing\.json: expected a readable file"):
        CaptionScores(document_frequencies=tmp_path / "nothing.json")


def test_single_captions_are_refused_where_several_are_to_be_scored() -> None:
    metric = CaptionScores(several=True)
    assert metric.needs_several
    metric.update([["a dog"], ["a cat"]], [["a dog"], ["cats"]], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"fewer for 2 of 2 images .*; generate several, as generation=sample does"):
        metric.compute()
