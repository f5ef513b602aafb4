"""`benchmarks/tuned_ranking.py`: weights of a mix of rankers, chosen on one split alone."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tuned_ranking import WEIGHTS, Scored, best_weights, main
from metrics import PairedCaptions, bleu_statistics, corpus_bleu
from metrics.cider import cider_d
from tests.metrics.random_captions import random_pairs
from tests.tiny_run import TinyRun, tiny_overrides

NUM_IMAGES, NUM_CAPTIONS = 6, 4


def test_no_other_weights_of_the_grid_do_better() -> None:
    rng = np.random.default_rng(0)
    every = random_pairs(1)
    captions = [every.candidates[rng.integers(len(every.candidates))] for _ in range(NUM_IMAGES * NUM_CAPTIONS)]
    references = [every.references[image] for image in rng.integers(len(every.references), size=NUM_IMAGES)]
    pairs = PairedCaptions(captions, references, np.repeat(np.arange(NUM_IMAGES), NUM_CAPTIONS))
    cider_BK = cider_d(pairs).reshape(NUM_IMAGES, NUM_CAPTIONS)
    scored = Scored(rng.normal(size=(3, NUM_IMAGES, NUM_CAPTIONS)), cider_BK, bleu_statistics(pairs))
    values = {}
    for weights in product(WEIGHTS, repeat=3):
        if max(weights) == 1:
            total_BK = sum(weight * score for weight, score in zip(weights, scored.score_RBK, strict=True))
            first = [image * NUM_CAPTIONS + int(row.argmax()) for image, row in enumerate(total_BK)]
            chosen = PairedCaptions([captions[number] for number in first], references)
            values[weights] = cider_d(chosen).mean() + 2 * corpus_bleu(bleu_statistics(chosen))[3]
    assert len(values) == 5**3 - 4**3
    assert values[best_weights(scored, bleu_share=2)] == pytest.approx(max(values.values()))
    assert len({round(value, 6) for value in values.values()}) > 3


def test_tunes_on_one_split_and_reports_the_other(trained: TinyRun, tmp_path: Path) -> None:
    settings = [
        f"checkpoint={trained.best}",
        "generation=pool",
        "generation.strategies.sample.num=3",
        "ranking=mix",
        f"+index={tmp_path / 'index.npz'}",
        *(f"ranking.rankers.{name}.index=${{index}}" for name in ("consensus", "mbr_cider", "mbr_bleu")),
        "ranking.rankers.mbr_cider.num_samples=3",
        "ranking.rankers.mbr_bleu.num_samples=3",
        "ranking.rankers.consensus.num_nearest=2",
    ]
    small = tiny_overrides(("generation=pool", "ranking=mix"), "evaluate")[2:]
    rows = main(["--out", str(tmp_path / "tuned.json"), *small, *settings])
    assert json.loads((tmp_path / "tuned.json").read_text())["rows"][-1]["weights"] == rows[-1]["weights"]
    assert [row["ranking"] for row in rows][-2:] == ["all alike", "tuned"]
    values = [sum(row["CIDEr-D, BLEU-4"]["val"]) for row in rows]
    assert values[-1] == max(values[1:])  # the first is no ranking at all
    assert rows[0]["CIDEr-D, BLEU-4"].keys() == {"val", "test"}
    with pytest.raises(ValueError, match="split must be val or test"):
        main([*settings, "split=train"])
    with pytest.raises(ValueError, match="choose ranking=mix"):
        main([f"checkpoint={trained.best}", "ranking=none"])
