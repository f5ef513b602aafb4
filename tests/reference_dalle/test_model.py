"""The reference does what its docstrings say, so that others can be held against it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.reference_dalle.model import ReferenceDALLE


@pytest.fixture(scope="module")
def reference() -> ReferenceDALLE:
    return ReferenceDALLE()


@pytest.fixture(scope="module")
def text_NL() -> Tensor:
    return torch.tensor([[3, 5, 2, 0, 0, 0], [7, 19, 4, 4, 8, 1], [1, 0, 0, 0, 0, 0]])


@pytest.fixture(scope="module")
def codes_NP() -> Tensor:
    return torch.randint(32, (3, 16), generator=torch.Generator().manual_seed(1))


def test_logits_are_cut_in_two_vocabularies(reference: ReferenceDALLE, text_NL: Tensor, codes_NP: Tensor) -> None:
    text_logits_NLV, code_logits_NPK = reference.logits(text_NL, codes_NP)
    assert text_logits_NLV.shape == (3, 6, 20 + 6)
    assert code_logits_NPK.shape == (3, 16, 32)
    assert text_logits_NLV.abs().max() < 1e3  # none of the masked ones, which are the lowest float
    assert code_logits_NPK.abs().max() < 1e3


def test_the_loss_is_an_eighth_text_and_seven_eighths_codes(
    reference: ReferenceDALLE, text_NL: Tensor, codes_NP: Tensor
) -> None:
    losses = reference.losses(text_NL, codes_NP)
    torch.testing.assert_close((losses.text + 7 * losses.codes) / 8, losses.loss)
    assert losses.text != losses.codes


def test_greedy_codes_are_those_of_its_own_generation(
    reference: ReferenceDALLE, text_NL: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Tensor] = []
    monkeypatch.setattr(reference.model.vae, "decode", lambda codes: decoded.append(codes) or codes)
    reference.model.generate_images(text_NL.clone(), filter_thres=0.999)  # one logit is left
    codes_NP = reference.greedy_codes(text_NL)
    assert torch.equal(decoded[0], codes_NP)
    assert torch.equal(reference.greedy_codes(text_NL, cached=True), codes_NP)
    assert len(codes_NP.unique()) > 3


def test_its_cache_is_not_used_without_guidance(
    reference: ReferenceDALLE, text_NL: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`forward_with_cond_scale` drops it at a scale of 1, so `use_cache=True` saves no time."""
    lengths: list[int] = []
    forward = reference.model.transformer.forward

    def spy(x_NTH: Tensor, **options: Any) -> Tensor:
        lengths.append(x_NTH.shape[1])
        read_NTH: Tensor = forward(x_NTH, **options)
        return read_NTH

    monkeypatch.setattr(reference.model.transformer, "forward", spy)
    reference.model.generate_images(text_NL.clone(), use_cache=True)
    assert lengths == [*range(7, 7 + 16)]
    lengths.clear()
    reference.model.generate_images(text_NL.clone(), use_cache=True, cond_scale=2)
    assert lengths == [7, 7, *[1] * 30]
