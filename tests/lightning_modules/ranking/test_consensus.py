from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample
from lightning_modules.ranking import Candidates, Consensus, TrainingIndex, best_first
from metrics import DocumentFrequencies, Neighbours, consensus_scores, ptb_tokenize
from tests.metrics.diversity.plain import cider_d, document_counts, mean
from utils.seeding import generators_of, generators_of_images, image_digests


@pytest.fixture(scope="module")
def index(tiny: tuple[VariationalCaptioner, CaptionSplit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "index.npz"
    TrainingIndex.make(*tiny).save(path)
    return path


def _ranker(index: Path, captioner: VariationalCaptioner, num_nearest: int, num_captions: int) -> Consensus:
    ranker = Consensus(index=index, neighbours="cosine", num_nearest=num_nearest, num_neighbour_captions=num_captions)
    ranker.prepare(captioner, None)
    return ranker


def _saying(candidates: Candidates, *captions: str) -> tuple[Candidates, list[list[str]]]:
    """Return the candidates with these captions of each image instead, and the captions."""
    generated = [[*captions] for _ in candidates.generated.captions]
    return candidates._replace(generated=candidates.generated._replace(captions=generated)), generated


def _nearest(captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates, k: int) -> np.ndarray:
    """Return each image's nearest training images, by the cosine of pooled features in double precision."""
    images_TCHW = torch.stack([training.load_image(number) for number in range(len(training.image_ids))])
    of_training, of_images = (
        grid.double().mean(dim=1).numpy() for grid in (captioner.encode(images_TCHW), candidates.features_BPD)
    )
    of_training = of_training.astype(np.float16).astype(np.float64)
    cosine = (of_images / np.linalg.norm(of_images, axis=1, keepdims=True)) @ (
        of_training / np.linalg.norm(of_training, axis=1, keepdims=True)
    ).T
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize(("num_nearest", "num_captions"), [(1, 125), (3, 2), (3, 4), (8, 1), (8, 125)])
def test_is_the_mean_cider_d_with_what_was_generated_of_the_nearest(
    index: Path,
    captioner: VariationalCaptioner,
    training: CaptionSplit,
    candidates: Candidates,
    num_nearest: int,
    num_captions: int,
) -> None:
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    documents = document_counts(tokens)
    nearest = _nearest(captioner, training, candidates, num_nearest)
    expected = []
    for near, captions in zip(nearest, candidates.generated.captions, strict=True):
        generated = [caption for number in near for caption in tokens[number]]
        for caption in captions:
            words = ptb_tokenize(caption)
            similar = sorted((cider_d(words, [other], documents, len(tokens)) for other in generated), reverse=True)
            expected.append(mean(similar[:num_captions]))
    score_N = _ranker(index, captioner, num_nearest, num_captions)(captioner, candidates)
    torch.testing.assert_close(score_N, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_puts_captions_in_the_order_of_the_metrics(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates
) -> None:
    captions = candidates.generated.captions
    nearest_BK = _nearest(captioner, training, candidates, 3)
    frequencies = DocumentFrequencies.of([[ptb_tokenize(text) for text in texts] for texts in training.captions])
    tokens = [ptb_tokenize(caption) for of_image in captions for caption in of_image]
    image_of_N = np.repeat(np.arange(len(captions)), len(captions[0]))
    score_N = consensus_scores(tokens, image_of_N, Neighbours(nearest_BK, training.captions, 4), frequencies)
    order_BK = score_N.reshape(len(captions), -1).argsort(axis=1)[:, ::-1]
    ranked = best_first(candidates.generated, _ranker(index, captioner, 3, 4)(captioner, candidates))
    assert ranked.captions == [[of_image[i] for i in order] for of_image, order in zip(captions, order_BK, strict=True)]


@pytest.mark.parametrize("twin", [0, 5])
def test_the_nearest_has_the_same_features_on_average(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates, twin: int
) -> None:
    pooled_D = captioner.encode(training.load_image(twin)[None]).mean(dim=1)[0]
    offset_D = 10 * torch.randn_like(pooled_D)  # no single position is like the twin, nor has it as many positions
    features_BPD = 7 * torch.stack([pooled_D + offset_D, pooled_D - offset_D]).expand(3, 2, -1)
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    expected = [
        cider_d(ptb_tokenize(caption), tokens[twin], document_counts(tokens), len(tokens))
        for captions in candidates.generated.captions
        for caption in captions
    ]
    score_N = _ranker(index, captioner, 1, 125)(captioner, candidates._replace(features_BPD=features_BPD))
    torch.testing.assert_close(score_N, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_all_training_images_have_a_say_where_more_are_asked_for(
    index: Path, captioner: VariationalCaptioner, candidates: Candidates
) -> None:
    all_eight, more = (_ranker(index, captioner, number, 5)(captioner, candidates) for number in (8, 1000))
    assert torch.equal(all_eight, more)


@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_with_drawn_captions_it_adds_the_mean_cider_d_with_them(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates, weight: float
) -> None:
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    documents = document_counts(tokens)
    settings = {"index": index, "neighbours": "cosine", "num_nearest": 3, "num_neighbour_captions": 4}
    ranker = Consensus(**settings, num_samples=6, sample_temperature=2.0, sample_weight=weight, max_length=9)
    ranker.prepare(captioner, None)
    added_N = ranker(captioner, candidates) - _ranker(index, captioner, 3, 4)(captioner, candidates)
    drawn = captioner.generate(
        candidates.features_BPD,
        Sample(num=6, temperature=2.0, max_length=9),
        generators=generators_of_images(0, image_digests(candidates.images_BCHW)),
    )
    expected = [
        weight * cider_d(ptb_tokenize(caption), [ptb_tokenize(text) for text in of_image], documents, len(tokens))
        for of_image, captions in zip(drawn.captions, candidates.generated.captions, strict=True)
        for caption in captions
    ]
    assert max(expected) > 0
    torch.testing.assert_close(added_N, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_what_is_drawn_of_an_image_depends_on_it_alone(
    index: Path, captioner: VariationalCaptioner, candidates: Candidates
) -> None:
    ranker = Consensus(index=index, num_nearest=3, num_neighbour_captions=4, num_samples=6, max_length=9)
    ranker.prepare(captioner, None)
    generated = candidates.generated._replace(captions=candidates.generated.captions[:1])
    alone = Candidates(candidates.images_BCHW[:1], candidates.features_BPD[:1], generated)
    torch.manual_seed(5)
    score_N = ranker(captioner, candidates)
    torch.testing.assert_close(ranker(captioner, alone), score_N[:4])


def test_makes_its_index_where_there_are_training_images(
    captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates, index: Path, tmp_path: Path
) -> None:
    ranker = Consensus(
        index=str(tmp_path / "new" / "index.npz"), neighbours="cosine", num_nearest=3, num_neighbour_captions=4
    )
    ranker.prepare(captioner, lambda: training)
    assert torch.equal(ranker(captioner, candidates), _ranker(index, captioner, 3, 4)(captioner, candidates))
    again = _ranker(tmp_path / "new" / "index.npz", captioner, 3, 4)
    assert torch.equal(again(captioner, candidates), ranker(captioner, candidates))


def test_says_what_is_missing(captioner: VariationalCaptioner, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"i.npz: there is no such index of training images; make it with evaluate.py"):
        Consensus(index=tmp_path / "i.npz").prepare(captioner, None)
    with pytest.raises(ValueError, match=r"ranking.num_nearest must be at least 1, got 0"):
        Consensus(index=tmp_path / "i.npz", num_nearest=0)
    with pytest.raises(ValueError, match=r"ranking.num_neighbour_captions must be at least 1, got -2"):
        Consensus(index=tmp_path / "i.npz", num_neighbour_captions=-2)
    with pytest.raises(ValueError, match=r"ranking.max_length must be at least 1, got 0"):
        Consensus(index=tmp_path / "i.npz", max_length=0)
    for name in ("num_samples", "sample_weight", "diversity", "coverage"):
        with pytest.raises(ValueError, match=rf"ranking.{name} must be 0 or more, got -1"):
            Consensus(index=tmp_path / "i.npz", **{name: -1})
    with pytest.raises(ValueError, match=r"ranking.sample_temperature must be above 0, got 0"):
        Consensus(index=tmp_path / "i.npz", sample_temperature=0)


def test_with_diversity_a_caption_loses_what_it_shares_with_those_before(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates
) -> None:
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    documents = document_counts(tokens)
    candidates, generated = _saying(candidates, "a red circle", "a red circle", "a blue star on the left", "no")
    alone, diverse = (
        Consensus(index=index, num_nearest=3, num_neighbour_captions=4, diversity=diversity) for diversity in (0.0, 0.7)
    )
    for ranker in (alone, diverse):
        ranker.prepare(captioner, None)
    relevance_BK, gain_BK = (ranker(captioner, candidates).view(len(generated), 4) for ranker in (alone, diverse))
    for relevance_K, worth_K in zip(relevance_BK, gain_BK, strict=True):
        words = [ptb_tokenize(caption) for caption in generated[0]]
        order = worth_K.argsort(descending=True, stable=True).tolist()
        for place, number in enumerate(order):
            alike = [cider_d(words[number], [words[other]], documents, len(tokens)) for other in order[:place]]
            expected = relevance_K[number].item() - 0.7 * max(alike, default=0.0)
            assert worth_K[number].item() == pytest.approx(expected, abs=1e-5)
    assert not torch.equal(relevance_BK, gain_BK)


def test_with_coverage_a_caption_gains_what_it_adds_to_those_before(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates
) -> None:
    tokens = [[ptb_tokenize(caption) for caption in captions] for captions in training.captions]
    documents = document_counts(tokens)
    candidates, generated = _saying(candidates, "a red circle", "a red circle", "a blue star on the left", "no")
    settings = {
        "index": index,
        "neighbours": "cosine",
        "num_nearest": 3,
        "num_neighbour_captions": 4,
        "num_samples": 2,
        "max_length": 9,
    }
    alone, covering = (Consensus(**settings, coverage=coverage) for coverage in (0.0, 5.0))
    for ranker in (alone, covering):
        ranker.prepare(captioner, None)
    relevance_BK, gain_BK = (ranker(captioner, candidates).view(len(generated), 4) for ranker in (alone, covering))
    drawn = captioner.generate(
        candidates.features_BPD,
        Sample(num=2, temperature=0.7, max_length=9),
        generators=generators_of_images(0, image_digests(candidates.images_BCHW)),
    ).captions
    nearest = _nearest(captioner, training, candidates, 3)
    for relevance_K, worth_K, near, more in zip(relevance_BK, gain_BK, nearest, drawn, strict=True):
        others = [*(text for number in near for text in tokens[number]), *map(ptb_tokenize, more)]
        close = [
            [cider_d(ptb_tokenize(text), [other], documents, len(tokens)) for other in others] for text in generated[0]
        ]
        before = [0.0] * len(others)
        for number in worth_K.argsort(descending=True, stable=True).tolist():
            added = mean([max(one - most, 0.0) for one, most in zip(close[number], before, strict=True)])
            assert worth_K[number].item() == pytest.approx(relevance_K[number].item() + 5.0 * added, abs=1e-4)
            before = [max(pair) for pair in zip(close[number], before, strict=True)]
    assert not torch.equal(relevance_BK, gain_BK)


def _candidates_of(
    captioner: VariationalCaptioner, training: CaptionSplit, numbers: list[int], *, known: bool = True
) -> Candidates:
    """Return captions of training images, said with one seed each, and their keys."""
    images_BCHW = torch.stack([training.load_image(number) for number in numbers])
    features_BPD = captioner.encode(images_BCHW)
    generated = captioner.generate(features_BPD, Sample(num=3, max_length=9), generators=generators_of([*numbers]))
    return Candidates(images_BCHW, features_BPD, generated, (lambda: training.image_keys[numbers]) if known else None)


@pytest.mark.parametrize("num_nearest", [1, 3, 7, 8])
def test_an_image_is_not_its_own_neighbour(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit, num_nearest: int
) -> None:
    ranker = _ranker(index, captioner, num_nearest, 4)
    numbers = [*range(8)]
    candidates = _candidates_of(captioner, training, numbers)
    expected = _nearest(captioner, training, candidates, 8)
    assert expected[:, 0].tolist() == numbers
    assert ranker._index is not None
    found = ranker._neighbours(
        ranker._index, captioner.pooled_features(candidates.features_BPD), training.image_keys
    ).nearest_BK
    others = [[number for number in row if number not in (own, 8)] for own, row in enumerate(found.tolist())]
    assert others == expected[:, 1 : num_nearest + 1].tolist()


def test_neighbours_are_near_by_the_words_that_their_features_suggest(
    index: Path, captioner: VariationalCaptioner, training: CaptionSplit
) -> None:
    ranker = Consensus(index=index, num_nearest=3)
    ranker.prepare(captioner, None)
    candidates, space = _candidates_of(captioner, training, [*range(8)]), ranker._index.spaces["words"]
    pooled_BD = candidates.features_BPD.mean(dim=1)
    unit_BD = (pooled_BD / pooled_BD.norm(dim=1, keepdim=True)).numpy()
    vectors_BK = (unit_BD - space.mean_D) @ space.map_DK
    lengths = np.linalg.norm(vectors_BK, axis=1)[:, None] * np.linalg.norm(space.training_TK, axis=1)
    order_BT = np.argsort(-(vectors_BK @ space.training_TK.T) / lengths, axis=1)
    expected = [[other for other in row if other != own][:3] for own, row in enumerate(order_BT.tolist())]
    found = ranker._neighbours(ranker._index, pooled_BD, training.image_keys).nearest_BK
    assert found.tolist() == expected
    assert ranker(captioner, candidates).isfinite().all()
    with pytest.raises(ValueError, match=r"ranking.neighbours must be one of cosine, words, got near"):
        Consensus(index=index, neighbours="near")  # type: ignore[arg-type]


def test_nor_has_its_copy_a_say_and_ranks_do_not_depend_on_the_batch(
    captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path
) -> None:
    twice = replace(TrainingIndex.make(captioner, training), captions=[["a red circle"], *training.captions[1:]])
    assert isinstance(twice, TrainingIndex)
    keys_TK = twice.keys_TK.copy()
    keys_TK[1] = keys_TK[0]  # the same photo under another name
    replace(twice, keys_TK=keys_TK).save(tmp_path / "index.npz")
    ranker = Consensus(
        index=tmp_path / "index.npz", num_nearest=7, num_neighbour_captions=9, num_samples=2, coverage=1.0
    )
    ranker.prepare(captioner, None)
    assert ranker._index is not None
    features_BPD = captioner.encode(torch.stack([training.load_image(0), training.load_image(2)]))
    nearest_BK = ranker._neighbours(ranker._index, captioner.pooled_features(features_BPD), keys_TK[[0, 2]]).nearest_BK
    assert not {0, 1} & {*nearest_BK[0].tolist()}
    assert 2 not in nearest_BK[1]
    together = ranker(captioner, _candidates_of(captioner, training, [0, 2]))
    alone = [ranker(captioner, _candidates_of(captioner, training, [number])) for number in (0, 2)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_an_index_of_the_image_alone_is_refused(
    captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path
) -> None:
    index = TrainingIndex.make(captioner, training)
    parts = {"features_TD": index.features_TD[:1], "captions": index.captions[:1], "keys_TK": index.keys_TK[:1]}
    spaces = {name: space._replace(training_TK=space.training_TK[:1]) for name, space in index.spaces.items()}
    replace(index, spaces=spaces, **parts).save(tmp_path / "index.npz")  # type: ignore[arg-type]
    ranker = _ranker(tmp_path / "index.npz", captioner, 3, 4)
    with pytest.raises(ValueError, match=r"index.npz: the index holds no other image than the one to rank captions of"):
        ranker(captioner, _candidates_of(captioner, training, [0]))
    ranker(captioner, _candidates_of(captioner, training, [0], known=False))
