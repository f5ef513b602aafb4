"""The numbers are those of the COCO caption evaluation: as stored, and computed beside it where it is installed."""

import random
from typing import Any

import numpy as np
import pytest

from metrics import PairedCaptions, bleu_statistics, cider_d, corpus_bleu, rouge_l, sentence_bleu
from tests.metrics.coco import IMAGES, Image, coco_scores, paired, paired_slot, stored_scores
from tests.metrics.random_captions import random_caption

NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D")
SLOTS = (0, 1)


def _scores(pairs: PairedCaptions) -> dict[str, dict[str, Any]]:
    statistics = bleu_statistics(pairs)
    corpus, each = corpus_bleu(statistics), sentence_bleu(statistics)
    scores = {f"BLEU-{order + 1}": {"corpus": corpus[order], "each": each[:, order]} for order in range(4)}
    for name, values in (("ROUGE-L", rouge_l(pairs)), ("CIDEr-D", cider_d(pairs))):
        scores[name] = {"corpus": values.mean(), "each": values}
    return scores


def _assert_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours["corpus"] == pytest.approx(theirs["corpus"], rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(ours["each"], theirs["each"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize("name", NAMES)
def test_stored_scores(name: str, slot: int) -> None:
    theirs = stored_scores()[slot][name]
    assert len(set(theirs["each"])) > 5
    _assert_equal(_scores(paired_slot(slot))[name], theirs)


@pytest.mark.parametrize("name", ["ROUGE-L", "CIDEr-D", "BLEU-4"])
def test_several_candidates_of_an_image_score_as_each_by_itself(name: str) -> None:
    together = _scores(paired())[name]["each"]
    for slot in SLOTS:
        np.testing.assert_allclose(together[slot::2], stored_scores()[slot][name]["each"], rtol=1e-9, atol=1e-12)


def test_scores_of_random_captions_beside_those_of_pycocoevalcap() -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed")
    rng = random.Random(0)
    texts = [[" ".join(random_caption(rng)) for _ in range(2 + rng.randint(1, 5))] for _ in range(300)]
    images = [Image((first, second), tuple(references)) for first, second, *references in texts]
    theirs = coco_scores(images, with_meteor=False)
    for slot in SLOTS:
        ours = _scores(paired_slot(slot, images))
        for name in NAMES:
            _assert_equal(ours[name], theirs[slot][name])


def test_the_stored_scores_are_those_of_the_captions_here() -> None:
    pytest.importorskip("pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed")
    for stored, computed in zip(stored_scores(), coco_scores(IMAGES, with_meteor=False), strict=True):
        assert computed == {name: stored[name] for name in NAMES}
