import numpy as np
import pytest
import torch

from metrics.consistency import Consistency, consistency
from metrics.spread import spread
from tests.metrics.diversity.plain import bleu, bleu_counts, cider_d, document_counts, mean

IMAGE_OF = np.array([0, 0, 0, 1, 2, 2])
SCORE = np.array([0.5, 0.25, 0.75, 4.0, -1.0, 3.0])


def test_spread_by_hand() -> None:
    of_images = spread(SCORE, IMAGE_OF)
    assert of_images.mean_B.tolist() == [0.5, 4.0, 1.0]
    assert of_images.min_B.tolist() == [0.25, 4.0, -1.0]
    assert of_images.oracle_B.tolist() == [0.75, 4.0, 3.0]


@pytest.mark.parametrize("counts", [[1], [2, 2], [3, 3, 3], [6, 1, 4, 2], [5] * 4])
def test_spread_is_what_plain_loops_give(counts: list[int]) -> None:
    scores = [np.random.default_rng(count).normal(size=count) for count in counts]
    of_images = spread(np.concatenate(scores), np.repeat(range(len(counts)), counts))
    assert of_images.mean_B.tolist() == pytest.approx([mean(list(of_image)) for of_image in scores])
    assert of_images.min_B.tolist() == [min(of_image) for of_image in scores]
    assert of_images.oracle_B.tolist() == [max(of_image) for of_image in scores]


def test_images_weigh_alike_and_each_score_has_its_names() -> None:
    assert consistency({"x": SCORE, "y": 2 * SCORE}, IMAGE_OF) == pytest.approx(
        {
            "mean/x": (0.5 + 4 + 1) / 3,
            "mean/y": 2 * (0.5 + 4 + 1) / 3,
            "min/x": (0.25 + 4 - 1) / 3,
            "min/y": 2 * (0.25 + 4 - 1) / 3,
            "oracle/x": (0.75 + 4 + 3) / 3,
            "oracle/y": 2 * (0.75 + 4 + 3) / 3,
        }
    )


def test_the_metric_scores_every_caption() -> None:
    candidates = [["a dog runs", "a red car", "two men"], ["two men play chess", "men"]]
    references = [["a dog runs on the beach", "a wet dog"], ["two men play chess", "old men"]]
    metric = Consistency()
    metric.update(candidates, references, torch.tensor([0, 1]))
    results = {name: value.item() for name, value in metric.compute().items()}
    words = [[caption.split() for caption in captions] for captions in references]
    documents = document_counts(words)
    images = [
        ([caption.split() for caption in captions], of_image)
        for captions, of_image in zip(candidates, words, strict=True)
    ]
    of_cider = [[cider_d(one, of_image, documents, 2) for one in captions] for captions, of_image in images]
    of_bleu = [[bleu(bleu_counts(one, of_image))[1] for one in captions] for captions, of_image in images]
    for name, scores in (("CIDEr-D", of_cider), ("BLEU-2", of_bleu)):
        assert results[f"mean/{name}"] == pytest.approx(mean([mean(of_image) for of_image in scores]))
        assert results[f"min/{name}"] == pytest.approx(mean([min(of_image) for of_image in scores]))
        assert results[f"oracle/{name}"] == pytest.approx(mean([max(of_image) for of_image in scores]))
    names = {*(f"BLEU-{order}" for order in range(1, 5)), "ROUGE-L", "CIDEr-D"}
    assert set(results) == {f"{kind}/{name}" for kind in ("mean", "min", "oracle") for name in names}
    assert all(results[f"min/{x}"] < results[f"mean/{x}"] < results[f"oracle/{x}"] for x in ("BLEU-1", "ROUGE-L"))
