import numpy as np
import pytest

from metrics import DocumentFrequencies, MeteorScores, PairedCaptions, candidate_scores
from metrics.bleu import BLEU_NAMES, bleu_statistics, corpus_bleu, sentence_bleu
from metrics.candidate_scores import score_candidates
from metrics.cider import cider_d
from metrics.rouge_l import rouge_l
from tests.metrics.diversity.plain import IMAGES, random_sets

REFERENCES = random_sets([2, 3, 1, 4, 2], seed=7)
PAIRS = PairedCaptions(
    [caption for image in IMAGES for caption in image], REFERENCES, np.repeat(range(5), list(map(len, IMAGES)))
)
FREQUENCIES = DocumentFrequencies(20, {"a": 18, "b": 5, "a b": 2})


def test_scores_each_candidate_as_the_metrics_do() -> None:
    by_name = score_candidates(PAIRS, FREQUENCIES).by_name
    assert list(by_name) == [*BLEU_NAMES, "ROUGE-L", "CIDEr-D"]
    np.testing.assert_array_equal(
        np.stack([by_name[name] for name in BLEU_NAMES], 1), sentence_bleu(bleu_statistics(PAIRS))
    )
    np.testing.assert_array_equal(by_name["ROUGE-L"], rouge_l(PAIRS))
    np.testing.assert_array_equal(by_name["CIDEr-D"], cider_d(PAIRS, FREQUENCIES))


def test_a_choice_scores_as_if_it_was_all_there_is() -> None:
    chosen = np.array([1, 4, 6, 15, 17])
    candidates = [PAIRS.candidates[number] for number in chosen]
    alone = PairedCaptions(candidates, REFERENCES, PAIRS.image_of_candidate_N[chosen])
    expected = dict(zip(BLEU_NAMES, corpus_bleu(bleu_statistics(alone)), strict=True))
    expected |= {"ROUGE-L": rouge_l(alone).mean(), "CIDEr-D": cider_d(alone).mean()}
    assert score_candidates(PAIRS).of_choice(chosen) == pytest.approx(expected, rel=1e-12)


def test_meteor_of_a_choice_is_asked_for_again_but_that_of_all_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def meteor_scores(pairs: PairedCaptions) -> MeteorScores:
        asked.append(len(pairs.candidates))
        return MeteorScores(np.arange(len(pairs.candidates)) / 100, len(pairs.candidates) / 10)

    monkeypatch.setattr(candidate_scores, "meteor_scores", meteor_scores)
    scores = score_candidates(PAIRS, with_meteor=True)
    assert scores.by_name["METEOR"].tolist() == [number / 100 for number in range(len(PAIRS.candidates))]
    assert scores.of_choice(np.arange(len(PAIRS.candidates)))["METEOR"] == len(PAIRS.candidates) / 10
    assert scores.of_choice(np.array([0, 3, 5]))["METEOR"] == 0.3
    assert asked == [len(PAIRS.candidates), 3]
