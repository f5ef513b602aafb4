"""The loss of DALL·E: its terms and weights, and parity with that of DALLE-pytorch.

Shape legend: B images, N captions, R captions to draw from.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.losses import DALLELoss, caption_cross_entropy
from lightning_modules.losses.dalle_loss import SegmentNats, code_cross_entropy
from lightning_modules.schedules import LinearWarmup
from tests.reference_dalle.model import ReferenceDALLE

IMAGE_OF_CAPTION_N = torch.tensor([0, 0, 0, 1, 1])
NUM_WORDS_N = torch.tensor([4, 9, 9, 2, 7])


def _nats(*values: float, tokens: tuple[int, ...]) -> SegmentNats:
    return SegmentNats(torch.tensor(values), 2 * torch.tensor(values), torch.tensor(tokens))


TERMS = {
    "caption": _nats(8.0, 10.0, 12.0, tokens=(4, 5, 6)),
    "image": _nats(100.0, 60.0, tokens=(16, 16)),
    "image_null": _nats(110.0, 80.0, tokens=(16, 16)),
}


def test_terms_are_weighed_in_nats_of_a_sample() -> None:
    loss = DALLELoss(image_weight=LinearWarmup(start=0.0, end=0.5, steps=10))
    report = loss(TERMS, 5)
    assert {name: nats.item() for name, nats in report.nats.items()} == {
        "caption": 10.0,
        "image": 80.0,
        "image_information": 15.0,
    }
    assert report.weights == {"caption": 1.0, "image": 0.25}
    assert report.total.item() == 10 + 0.25 * 80
    assert loss(TERMS, 10).total.item() == 10 + 0.5 * 80


def test_labels_may_be_smoothed_for_the_optimizer_alone() -> None:
    report = DALLELoss(label_smoothing=0.1)(TERMS, 0)
    assert report.nats["caption"].item() == 10
    assert report.contributions["caption"].item() == 20


def test_by_the_token_terms_are_divided_by_their_mean_number() -> None:
    report = DALLELoss(per="token", caption_weight=3.0, image_weight=2.0)(TERMS, 0)
    assert report.contributions["caption"].item() == pytest.approx(3 * 10 / 5)
    assert report.contributions["image"].item() == pytest.approx(2 * 80 / 16)


def test_names_of_evaluation_are_those_of_its_samples() -> None:
    for settings in ({}, {"per": "token"}, {"image_weight": 0}, {"label_smoothing": 0.1, "caption_weight": 0}):
        loss = DALLELoss(**settings)
        terms = {name: term for name, term in TERMS.items() if loss.has(name.removesuffix("_null"))}
        assert loss.evaluated_names() == tuple(loss.samples(terms))


@pytest.mark.parametrize(("draw_from", "possible"), [("longest", {(1, 4)}), ("all", {(0, 1, 2, 3, 4)})])
def test_images_are_drawn_from_their_longest_caption_or_from_all(
    draw_from: Any, possible: set[tuple[int, ...]]
) -> None:
    loss = DALLELoss(draw_from=draw_from)
    assert {tuple(loss.drawn(NUM_WORDS_N, IMAGE_OF_CAPTION_N).tolist()) for _ in range(5)} == possible


def test_images_may_be_drawn_from_captions_at_random() -> None:
    loss = DALLELoss(draw_from="random", null_share=0.25)
    drawn = {tuple(loss.drawn(NUM_WORDS_N, IMAGE_OF_CAPTION_N).tolist()) for _ in range(100)}
    assert drawn == {(first, second) for first in (0, 1, 2) for second in (3, 4)}
    assert loss.is_null(4000).float().mean().item() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per": "word"}, r"model\.loss\.per must be sample or token, got word"),
        ({"draw_from": "first"}, r"model\.loss\.draw_from must be longest, random or all, got first"),
        ({"null_share": 1.5}, r"model\.loss\.null_share must be at least 0 and at most 1, got 1\.5"),
        ({"label_smoothing": 1.0}, r"model\.loss\.label_smoothing must be at least 0 and below 1, got 1\.0"),
        ({"caption_weight": 0, "image_weight": 0}, r"model\.loss: all weights are 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DALLELoss(**settings)


def test_with_its_weights_it_is_the_loss_of_dalle_pytorch() -> None:
    reference = ReferenceDALLE()
    text_NL = torch.tensor([[3, 5, 2, 0, 0, 0], [7, 19, 4, 4, 8, 1], [1, 0, 0, 0, 0, 0]])
    codes_NP: Tensor = torch.randint(32, (3, 16), generator=torch.Generator().manual_seed(1))
    text_logits_NLV, code_logits_NPK = reference.logits(text_NL, codes_NP)
    targets_NL = reference.padded(text_NL)
    loss = DALLELoss(
        caption_weight=0, image_weight=7 / 8, caption_alone_weight=1 / 8, per="token", null_share=0, draw_from="all"
    )
    caption = caption_cross_entropy(text_logits_NLV.flatten(0, 1), targets_NL, pad_id=0)
    terms = {
        "caption_alone": SegmentNats(*caption, (targets_NL != 0).sum(dim=1)),
        "image": code_cross_entropy(code_logits_NPK, codes_NP),
    }
    torch.testing.assert_close(loss(terms, 0).total, reference.losses(text_NL, codes_NP).loss, rtol=0, atol=1e-5)
