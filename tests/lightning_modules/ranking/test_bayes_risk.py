from pathlib import Path

import pytest

from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample
from lightning_modules.ranking import BayesRisk, Candidates, Consensus, Mix
from metrics import ptb_tokenize
from tests.metrics.diversity.plain import cider_d, document_counts, mean
from tests.metrics.plain_bleu import smoothed_bleu
from utils.seeding import generators_of_images, image_digests


@pytest.mark.parametrize(("cider_weight", "bleu_weight"), [(1.0, 0.0), (0.0, 2.0), (0.5, 1.5)])
def test_is_the_mean_score_with_what_the_model_draws(
    captioner: VariationalCaptioner,
    training: CaptionSplit,
    candidates: Candidates,
    tmp_path: Path,
    cider_weight: float,
    bleu_weight: float,
) -> None:
    ranker = BayesRisk(
        index=tmp_path / "index.npz", num_samples=5, cider_weight=cider_weight, bleu_weight=bleu_weight, max_length=9
    )
    ranker.prepare(captioner, lambda: training)
    assert (tmp_path / "index.npz").exists() == (cider_weight > 0)
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    documents = document_counts(tokens)
    drawn = captioner.generate(
        candidates.features_BPD,
        Sample(num=5, temperature=0.7, max_length=9),
        generators=generators_of_images(0, image_digests(candidates.images_BCHW)),
    ).captions
    expected = []
    for of_image, others in zip(candidates.generated.captions, drawn, strict=True):
        references = [ptb_tokenize(text) for text in others]
        for text in of_image:
            words = ptb_tokenize(text)
            cider = mean([cider_d(words, [other], documents, len(tokens)) for other in references])
            bleu = mean([smoothed_bleu(words, other) for other in references])
            expected.append(cider_weight * cider + bleu_weight * bleu)
    assert len(set(expected)) > 3
    assert ranker(captioner, candidates).tolist() == pytest.approx(expected, abs=1e-5)


def test_rankers_that_are_added_up_draw_once(
    captioner: VariationalCaptioner,
    training: CaptionSplit,
    candidates: Candidates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, drawing = tmp_path / "index.npz", {"num_samples": 3, "max_length": 9}
    parts = {
        "cider": BayesRisk(index=index, bleu_weight=0, **drawing),
        "bleu": BayesRisk(index=index, cider_weight=0, **drawing),
        "consensus": Consensus(index=index, num_nearest=2, **drawing),
    }
    mix = Mix(rankers=parts, weights={"cider": 1.0, "bleu": 0.3, "consensus": 1.0})
    mix.prepare(captioner, lambda: training)
    apart = mix(captioner, candidates)
    calls, generate = [], captioner.generate
    monkeypatch.setattr(captioner, "generate", lambda *args, **kwargs: calls.append(1) or generate(*args, **kwargs))
    together = mix(captioner, candidates._replace(drawn={}))
    assert together.tolist() == apart.tolist()
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"num_samples": 0}, "ranking.num_samples must be at least 1, got 0"),
        ({"bleu_weight": -1}, "ranking.bleu_weight must be 0 or more, got -1"),
        ({"cider_weight": 0, "bleu_weight": 0}, "must not both be 0"),
        ({"sample_temperature": 0}, "ranking.sample_temperature must be above 0"),
    ],
)
def test_refuses_numbers_out_of_range(settings: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        BayesRisk(index="index.npz", **settings)
