import pytest
import torch

from lightning_modules.networks.layers.dropout import Dropout, WordDropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_drops_a_share_and_scales_up_the_rest(p: float, dtype: torch.dtype) -> None:
    x = torch.full((401, 251), 2.0, dtype=dtype)
    dropped = Dropout(p)(x)
    assert dropped.dtype == dtype
    share = (dropped == 0).double().mean().item()
    exact = round(256 * p) / 256
    assert share == pytest.approx(exact, abs=5 * (exact * (1 - exact) / x.numel()) ** 0.5)
    left = dropped[dropped != 0].float()
    torch.testing.assert_close(left, torch.full_like(left, 2 / (1 - exact)), rtol=1e-2, atol=0.0)


def test_gradients_flow_where_values_do() -> None:
    x = torch.randn(50, 40, requires_grad=True)
    dropped = Dropout(0.25)(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad != 0, dropped != 0)


def test_masks_follow_from_the_seed_and_differ_each_time() -> None:
    dropout, x = Dropout(0.5), torch.ones(1000)
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


def test_leaves_all_in_evaluation_or_without_a_share() -> None:
    x = torch.randn(9)
    state = torch.get_rng_state()
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_refuses_other_shares(p: float) -> None:
    with pytest.raises(ValueError, match=f"dropout must be at least 0 and below 1, got {p}"):
        Dropout(p)


def test_whole_words_are_hidden_and_the_others_left_as_they_are() -> None:
    words_NLE = torch.rand(300, 20, 8) + 1
    kept_NLE = WordDropout(0.3)(words_NLE)
    hidden_NL = (kept_NLE == 0).all(dim=-1)
    assert torch.equal(kept_NLE[~hidden_NL], words_NLE[~hidden_NL])
    assert hidden_NL.double().mean().item() == pytest.approx(0.3, abs=5 * (0.21 / hidden_NL.numel()) ** 0.5)


def test_no_word_is_hidden_in_evaluation_or_without_a_share() -> None:
    words_NLE = torch.randn(2, 3, 4)
    assert WordDropout(0.5).eval()(words_NLE) is words_NLE
    assert WordDropout(0.0)(words_NLE) is words_NLE


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_refuses_to_hide_other_shares_of_words(p: float) -> None:
    with pytest.raises(ValueError, match=f"word_dropout must be at least 0 and below 1, got {p}"):
        WordDropout(p)
