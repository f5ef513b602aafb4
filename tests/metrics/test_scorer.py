from collections.abc import Sequence

import numpy as np
import pytest

from metrics import DocumentFrequencies, ImageCaptions, MeteorScores, PairedCaptions, candidate_scores, scorer
from metrics.bleu import bleu_statistics
from metrics.bleu import corpus_bleu as corpus_bleu_of
from metrics.candidate_scores import score_candidates
from metrics.cider import cider_d as cider_d_of
from metrics.consistency import consistency
from metrics.diversity import CaptionSets, protocol_a, protocol_b
from metrics.paired_captions import all_candidates, first_candidates
from metrics.rouge_l import rouge_l
from metrics.score_notes import notes_on_scores
from metrics.scorer import human_captions, score_captions
from tests.metrics.diversity.plain import (
    IMAGES,
    Sets,
    bleu_counts,
    cider_d,
    corpus_bleu,
    document_counts,
    mean,
    random_sets,
)

NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D")
ACCURACY = tuple(f"coco/{name}" for name in NAMES)
WORDS = ["a", "dog", "runs", "two", "boys", "kick", "red", "ball", "the", "tree", "her", "walks", "cat", "on", "sofa"]
CANDIDATES = random_sets([3, 6, 2, 5, 4], seed=8, words=WORDS)


def _images(candidates: Sets, references: Sets) -> list[ImageCaptions]:
    pairs = zip(candidates, references, strict=True)
    return [ImageCaptions(7 * i % 23, *map(_spoken, pair)) for i, pair in enumerate(pairs)]


def _spoken(captions: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(caption) for caption in captions]


SEVERAL = _images(CANDIDATES, IMAGES)
ONE = _images([image[:1] for image in CANDIDATES], IMAGES)
TRAINING = [_spoken(image) for image in random_sets([2, 1, 3], seed=9, words=WORDS)] + [[SEVERAL[0].candidates[1]]]


def test_every_score_is_that_of_its_metric() -> None:
    results = score_captions(SEVERAL)
    first, pairs = first_candidates(SEVERAL), all_candidates(SEVERAL)
    sets, by_name = CaptionSets.of_candidates(pairs), score_candidates(pairs).by_name
    expected = {
        **{f"coco/BLEU-{n}": score for n, score in enumerate(corpus_bleu_of(bleu_statistics(first)), start=1)},
        "coco/ROUGE-L": rouge_l(first).mean(),
        "coco/CIDEr-D": cider_d_of(first).mean(),
    }
    expected |= consistency(by_name, sets.image_of_caption_N) | protocol_a(sets, by_name)
    expected |= protocol_b(sets, DocumentFrequencies.of(pairs.references))
    assert results == pytest.approx(expected, rel=1e-12)
    assert list(results)[:6] == list(ACCURACY)
    assert set(results) == {
        *ACCURACY,
        *(f"{kind}{name}" for kind in ("mean/", "min/", "oracle/", "A/oracle-") for name in NAMES),
        *("A/distinct", "A/mBLEU-4", "A/Div-1", "A/Div-2"),
        *("B/Div-1", "B/Div-2", "B/mBLEU-1", "B/mBLEU-2", "B/mBLEU-3", "B/mBLEU-4", "B/Self-CIDEr", "B/vocabulary"),
    }


def test_one_caption_an_image_has_accuracy_only() -> None:
    assert set(score_captions(ONE)) == set(ACCURACY)
    several = score_captions(SEVERAL)
    assert score_captions(ONE) == pytest.approx({name: several[name] for name in ACCURACY}, rel=1e-12)


def test_the_first_caption_is_the_one_that_accuracy_means() -> None:
    turned = [image._replace(candidates=image.candidates[::-1]) for image in SEVERAL]
    first = score_captions(SEVERAL)
    last = score_captions(turned)
    assert first["coco/CIDEr-D"] != last["coco/CIDEr-D"]
    assert first["mean/CIDEr-D"] == pytest.approx(last["mean/CIDEr-D"])
    assert first["A/oracle-CIDEr-D"] == pytest.approx(last["A/oracle-CIDEr-D"])


@pytest.mark.parametrize(
    ("protocols", "kept"),
    [(("a",), "A"), (frozenset("b"), "B"), ({"a", "b"}, "AB"), ([], "")],
    ids=["a", "b", "ab", "-"],
)
def test_protocols_are_chosen(protocols: Sequence[str], kept: str) -> None:
    everything = score_captions(SEVERAL, training_captions=TRAINING[0])
    assert score_captions(SEVERAL, protocols=protocols, training_captions=TRAINING[0]) == {
        name: value for name, value in everything.items() if name[:2] not in {"A/", "B/"} or name[0] in kept
    }


def test_novelty_is_by_tokens() -> None:
    text = [caption.upper() + " ." for caption in SEVERAL[0].candidates]
    results = score_captions(SEVERAL, training_captions=text)
    five = [caption for image in SEVERAL for caption in image.candidates[:5]]
    everyone = [caption for image in SEVERAL for caption in image.candidates]
    novel = set(everyone) - set(SEVERAL[0].candidates)
    assert results["A/novel"] == pytest.approx(mean([caption in novel for caption in five]))
    assert results["B/novel"] == pytest.approx(mean([caption in novel for caption in everyone]))


def test_document_frequencies_reach_every_score_that_weighs_ngrams() -> None:
    plain = score_captions(SEVERAL)
    same = score_captions(SEVERAL, frequencies=DocumentFrequencies.of(IMAGES))
    assert same == pytest.approx(plain, rel=1e-12)
    other = score_captions(SEVERAL, frequencies=DocumentFrequencies(9, {"a": 8, "dog": 2}))
    changed = {name for name in plain if plain[name] != pytest.approx(other[name])}
    assert changed == {"B/Self-CIDEr", *(name for name in plain if name.endswith("CIDEr-D"))}


def test_the_order_of_images_does_not_matter() -> None:
    turned = score_captions(SEVERAL[::-1], training_captions=TRAINING[0])
    assert turned == pytest.approx(score_captions(SEVERAL, training_captions=TRAINING[0]), rel=1e-9)


def test_empty_captions_score_0_and_are_no_error() -> None:
    silent = [image._replace(candidates=["", ""]) for image in SEVERAL]
    results = score_captions(silent)
    assert all(results[name] == pytest.approx(0, abs=1e-6) for name in ACCURACY if name != "coco/ROUGE-L")
    assert results["coco/ROUGE-L"] == pytest.approx(0.2)  # one image of five has an empty reference
    assert results["A/distinct"] == 0.5
    assert results["A/Div-1"] == results["B/Self-CIDEr"] == results["B/vocabulary"] == 0


@pytest.mark.parametrize(
    ("images", "settings", "match"),
    [
        ([], {}, "at least one image with captions to score, got none"),
        ([SEVERAL[0], SEVERAL[1], SEVERAL[0]], {}, "each image once, got image 0 twice; join its captions"),
        ([ONE[0], *SEVERAL[1:]], {}, "at least two captions of each image .* generation=sample"),
        ([SEVERAL[0]._replace(candidates=[])], {}, "a caption and a reference of each image, got none for image 0"),
        ([SEVERAL[1]._replace(references=[])], {}, "a caption and a reference of each image, got none for image 7"),
        (SEVERAL, {"protocols": ("a", "c")}, r"""protocols of "a" and "b", got \['c'\]"""),
        (SEVERAL, {"training_captions": []}, "got an empty list; give None for no novelty"),
    ],
)
def test_refuses_what_has_no_score(images: list[ImageCaptions], settings: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        score_captions(images, **settings)


def test_what_one_image_has_no_frequencies_for_is_left_out_and_noted() -> None:
    alone = SEVERAL[:1]
    scores = score_captions(alone)
    assert scores["coco/CIDEr-D"] == 0
    assert score_captions(SEVERAL).keys() - scores.keys() == {"B/Self-CIDEr"}
    (note,) = notes_on_scores(alone, num_documents=1, protocols="b")
    assert note.startswith(
        "CIDEr-D is 0 whatever the captions are, and B/Self-CIDEr is left out, for its document frequencies"
    )
    assert "Self-CIDEr" not in notes_on_scores(alone, num_documents=1, protocols="a")[0]
    assert "Self-CIDEr" not in notes_on_scores(ONE[:1], num_documents=1, protocols="b")[0]
    assert notes_on_scores(alone, num_documents=2, protocols="ab") == []


def test_captions_without_spaces_are_noted() -> None:
    (note,) = notes_on_scores([ImageCaptions(1, ["a dog"], ["一只狗在草地上"])], num_documents=2, protocols="ab")
    assert note.startswith("captions written without spaces between words: 1; BLEU")


def test_a_score_that_is_not_finite_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "protocol_a", lambda *_: {"A/distinct": float("nan")})
    with pytest.raises(ValueError, match="expected finite scores, got A/distinct = nan"):
        score_captions(SEVERAL)


def _meteor(pairs: PairedCaptions) -> MeteorScores:
    """Stands in for Java: the share of the words that some reference has; of all, twice the mean."""
    shares = [
        mean([word in {other for text in pairs.references[image] for other in text} for word in caption] or [0])
        for caption, image in zip(pairs.candidates, pairs.image_of_candidate_N, strict=True)
    ]
    return MeteorScores(np.array(shares), 2 * mean(shares))


def test_meteor_is_scored_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate_scores, "meteor_scores", _meteor)
    results = score_captions(SEVERAL, with_meteor=True)
    first = _meteor(PairedCaptions([image[0] for image in CANDIDATES], IMAGES))
    assert results["coco/METEOR"] == pytest.approx(first.corpus)
    shares = [
        _meteor(PairedCaptions(image, [refs], [0] * len(image))) for image, refs in zip(CANDIDATES, IMAGES, strict=True)
    ]
    assert results["mean/METEOR"] == pytest.approx(mean([of_image.segment_N.mean() for of_image in shares]))
    assert results["A/oracle-METEOR"] == pytest.approx(mean([of_image.segment_N.max() for of_image in shares]))
    assert "coco/METEOR" in human_captions(SEVERAL, with_meteor=True)


def test_human_row_by_hand() -> None:
    images = [
        ImageCaptions(0, ["x"], ["a b c d", "a b c d", "e f g h"]),
        ImageCaptions(1, ["x"], ["p q r s t", "p q r s u"]),
    ]
    results = human_captions(images, training_captions=["e f g h"])
    # "a b c d" has its equal beside it, "e f g h" nothing; of the others 4 of 5 words are said by the other
    assert results["coco/ROUGE-L"] == pytest.approx((1 + 1 + 0 + 0.8 + 0.8) / 5)
    assert results["min/ROUGE-L"] == pytest.approx((0 + 0.8) / 2)
    assert results["oracle/ROUGE-L"] == pytest.approx((1 + 0.8) / 2)
    # first slot: 4 + 4 words of 4 + 5, second likewise, third: 0 of 4
    assert results["coco/BLEU-1"] == pytest.approx((2 * 8 / 9 + 2 * 8 / 9 + 0) / 5, rel=1e-6)
    assert results["A/distinct"] == pytest.approx((2 / 3 + 1) / 2)
    assert results["A/Div-1"] == pytest.approx((8 / 12 + 6 / 10) / 2)
    assert results["A/novel"] == results["B/novel"] == pytest.approx(4 / 5)
    assert results["B/vocabulary"] == 14


@pytest.mark.parametrize("given", [True, False], ids=["frequencies", "those of the references"])
def test_human_row_scores_each_reference_by_the_others(given: bool) -> None:
    frequencies = DocumentFrequencies(9, {"a": 8, "dog": 2}) if given else None
    results = human_captions(SEVERAL, frequencies=frequencies)
    documents, num_images = (frequencies.counts, 9) if frequencies else (document_counts(IMAGES), len(IMAGES))
    of_images = [
        [
            cider_d(caption, [*image[:slot], *image[slot + 1 :]], _Counts(documents), num_images)
            for slot, caption in enumerate(image)
        ]
        for image in IMAGES
    ]
    everyone = [score for of_image in of_images for score in of_image]
    assert results["coco/CIDEr-D"] == pytest.approx(mean(everyone))
    assert results["mean/CIDEr-D"] == pytest.approx(mean([mean(of_image) for of_image in of_images]))
    assert results["A/oracle-CIDEr-D"] == pytest.approx(mean([max(of_image) for of_image in of_images]))


class _Counts(dict[str, int]):
    def __missing__(self, ngram: str) -> int:
        return 0


def test_human_bleu_is_mutual_bleu_of_protocol_b() -> None:
    results = human_captions(SEVERAL)
    for order in range(1, 5):
        assert results[f"coco/BLEU-{order}"] == pytest.approx(results[f"B/mBLEU-{order}"], rel=1e-9)
    slots = []
    for slot in range(6):
        images = [image for image in IMAGES if len(image) > slot]
        counts = [bleu_counts(image[slot], [*image[:slot], *image[slot + 1 :]]) for image in images]
        slots += [corpus_bleu(counts)[3]] * len(images)
    assert results["coco/BLEU-4"] == pytest.approx(mean(slots))


def test_human_row_has_the_names_of_the_models_and_does_not_look_at_candidates() -> None:
    human = human_captions(SEVERAL, training_captions=TRAINING[0])
    assert set(human) == set(score_captions(SEVERAL, training_captions=TRAINING[0]))
    assert human == human_captions(ONE, training_captions=TRAINING[0])
    assert set(human_captions(SEVERAL, protocols="a")) == {name for name in human_captions(SEVERAL) if name[:2] != "B/"}


def test_human_row_needs_two_references() -> None:
    with pytest.raises(ValueError, match=r"two references of each image .* got fewer for image 14"):
        human_captions([*SEVERAL[:2], SEVERAL[2]._replace(references=["a dog"])])
