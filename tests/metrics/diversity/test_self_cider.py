import math
import sys

import numpy as np
import pytest

from metrics.diversity import CaptionSets, self_cider
from metrics.document_frequencies import DocumentFrequencies
from tests.metrics.diversity.plain import IMAGES, Sets, cider_similarity, document_counts, random_sets

FREQUENCIES = DocumentFrequencies.of(IMAGES)
SETS = [
    IMAGES,
    *(random_sets([count] * 4, seed=count) for count in range(2, 7)),
    random_sets([2, 6, 3, 5, 2, 4], seed=0),
]


def _plain(image: list[list[str]], references: Sets) -> float:
    """−ln(√λ_max / Σ √λ) / ln N with eigenvalues of the matrix that plain loops fill."""
    documents = document_counts(references)
    kernel = [
        [cider_similarity(one, other, documents, len(references), clipped=False) for other in image] for one in image
    ]
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(kernel), 0, None))
    return -math.log(roots[-1] / roots.sum()) / math.log(len(image)) if roots[-1] else 0.0


@pytest.mark.parametrize("captions", SETS, ids=lambda captions: "-".join(str(len(image)) for image in captions))
@pytest.mark.parametrize("references", [IMAGES, SETS[-1]], ids=["known", "random"])
def test_is_what_plain_loops_give(captions: Sets, references: Sets) -> None:
    expected = [_plain(image, references) for image in captions]
    np.testing.assert_allclose(
        self_cider(CaptionSets.of(captions), DocumentFrequencies.of(references)), expected, atol=1e-6
    )


@pytest.mark.parametrize("num", range(2, 7))
def test_the_same_captions_give_0_and_disjoint_ones_1(num: int) -> None:
    same = [["a", "dog", "runs", "home"]] * num
    disjoint = [[f"{slot}{word}" for word in "abcd"] for slot in range(num)]
    np.testing.assert_allclose(self_cider(CaptionSets.of([same, disjoint]), FREQUENCIES), [0, 1], atol=1e-9)


def test_hand_value() -> None:
    # Two captions of four words with weights all alike: 3 of 4 words, 2 of 3 pairs, 1 of 2 triples and not the four
    # are common, so that the kernel is [[1, s], [s, 1]] with eigenvalues 1 ± s.
    similarity = (3 / 4 + 2 / 3 + 1 / 2 + 0) / 4
    expected = -math.log(
        math.sqrt(1 + similarity) / (math.sqrt(1 + similarity) + math.sqrt(1 - similarity))
    ) / math.log(2)
    sets = CaptionSets.of([[["p", "q", "r", "s"], ["p", "q", "r", "t"]]])
    assert self_cider(sets, DocumentFrequencies(10, {})).tolist() == pytest.approx([expected])


def test_an_empty_caption_adds_nothing_and_empty_ones_alone_give_0() -> None:
    captions = [["p", "q", "r", "s"], ["t", "u", "v", "w"]]
    sets = CaptionSets.of([[*captions, []], [[], []], [["p"], []]])
    np.testing.assert_allclose(self_cider(sets, FREQUENCIES), [math.log(2) / math.log(3), 0, 0], atol=1e-9)


def test_lies_between_0_and_1_and_order_does_not_matter() -> None:
    captions = random_sets([2, 3, 4, 5, 6] * 4, seed=3)
    scores = self_cider(CaptionSets.of(captions), FREQUENCIES)
    assert ((scores >= 0) & (scores <= 1 + 1e-12)).all()
    turned = self_cider(CaptionSets.of([image[::-1] for image in captions[::-1]]), FREQUENCIES)
    np.testing.assert_allclose(turned[::-1], scores, atol=1e-6)


def test_blocks_of_images_do_not_change_it_and_move_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = CaptionSets.of(random_sets([3, 2, 6, 4, 5, 2, 3], seed=4))
    whole = self_cider(sets, FREQUENCIES)
    monkeypatch.setattr(sys.modules["metrics.diversity.self_cider"], "CELLS_AT_ONCE", 2 * 6**2)
    monkeypatch.setattr("utils.progress.EVERY", 1e-9)
    np.testing.assert_allclose(self_cider(sets, FREQUENCIES), whole, rtol=1e-9, atol=1e-9)
    assert "Self-CIDEr:  29% 2/7" in capsys.readouterr().err


def test_refuses_frequencies_that_weigh_nothing() -> None:
    with pytest.raises(ValueError, match="at least two images for Self-CIDEr, got those of one"):
        self_cider(CaptionSets.of(IMAGES), DocumentFrequencies.of(IMAGES[:1]))
