"""Each filter against a brute force that is written from its definition."""

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from lightning_modules.generation import filter_logits
from lightning_modules.generation.filtering import discourage_repeats, forbid_repeated_ngrams, keep_nucleus

INFINITY = float("inf")


def _logits() -> Tensor:
    return 2 * torch.randn(6, 13)


def _kept(logits_NV: Tensor) -> list[set[int]]:
    return [{i for i, value in enumerate(row) if value > -INFINITY} for row in logits_NV.tolist()]


def _likeliest(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=lambda i: -row[i])


@pytest.mark.parametrize("k", [1, 2, 5, 12, 13, 99])
def test_top_k(k: int) -> None:
    logits_NV = _logits()
    assert _kept(filter_logits(logits_NV, top_k=k)) == [{*_likeliest(row)[:k]} for row in logits_NV.tolist()]


def test_top_k_keeps_exactly_k_of_words_that_tie() -> None:
    tied_NV = torch.tensor([[1.0] * 7, [0.0, 2.0, 1.0, 1.0, 1.0, 3.0, -1.0]])
    uniform, mixed = _kept(filter_logits(tied_NV, top_k=3))
    assert len(uniform) == 3
    assert len(mixed) == 3
    assert {1, 5} < mixed <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("filter_thres", ["0.0", "0.05", "0.1", "0.3", "0.5", "0.7", "0.9", "0.95", "0.99", "0.999"])
@pytest.mark.parametrize("vocab_size", [1, 2, 3, 7, 10, 20, 100, 1000, 9876])
def test_filter_thres_keeps_its_share_of_the_whole_vocabulary(filter_thres: str, vocab_size: int) -> None:
    expected = max(math.floor((1 - Fraction(filter_thres)) * vocab_size), 1)
    kept = _kept(filter_logits(torch.randn(2, vocab_size), filter_thres=float(filter_thres)))
    assert [len(row) for row in kept] == [expected] * 2


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.99, 1.0])
def test_top_p(p: float) -> None:
    logits_NV = _logits()
    expected = []
    for row_V in logits_NV.double():
        probability_V, mass, nucleus = row_V.softmax(dim=-1), 0.0, set()
        for word in _likeliest(row_V.tolist()):
            if mass >= p:
                break
            nucleus.add(word)
            mass += probability_V[word].item()
        expected.append(nucleus)
    assert _kept(filter_logits(logits_NV, top_p=p)) == expected


@pytest.mark.parametrize("guess", [1, 3, 12, 13, 99])
def test_a_nucleus_is_the_same_whatever_its_size_was_guessed_to_be(guess: int) -> None:
    logits_NV = torch.cat([_logits(), 9 * _logits(), 0.1 * _logits()])
    for p in (0.3, 0.9, 1.0):
        expected = _kept(keep_nucleus(logits_NV, p, guess=1000))
        assert _kept(keep_nucleus(logits_NV, p, guess=guess)) == expected
        assert _kept(keep_nucleus(logits_NV[:6], p, guess=guess)) == expected[:6]


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.99, 1.0])
def test_typical_p(p: float) -> None:
    logits_NV = _logits()
    logits_NV[1, 4:8] = -INFINITY
    expected = []
    for row_V in logits_NV.double():
        probability = {i: q for i, q in enumerate(row_V.softmax(dim=-1).tolist()) if q > 0}
        entropy = -sum(q * math.log(q) for q in probability.values())
        mass, typical = 0.0, set()
        for word in sorted(probability, key=lambda i: abs(-math.log(probability[i]) - entropy)):
            if mass >= p:
                break
            typical.add(word)
            mass += probability[word]
        expected.append(typical)
    assert _kept(filter_logits(logits_NV, typical_p=p)) == expected


def test_the_likeliest_word_may_be_untypical() -> None:
    logits_NV = torch.tensor([0.4, *[0.1] * 6]).log()[None]  # entropy 1.75: 0.92 from the one, 0.55 from the others
    assert _kept(filter_logits(logits_NV, typical_p=0.45)) == [{1, 2, 3, 4, 5}]


def test_repeats_are_discouraged_whatever_the_sign_of_their_logits() -> None:
    logits_NV, tokens_NT = _logits(), torch.randint(13, (6, 4))
    expected_NV = logits_NV.clone()
    for row, generated in enumerate(tokens_NT.tolist()):
        for word in {*generated}:
            value = logits_NV[row, word].item()
            expected_NV[row, word] = value / 1.3 if value > 0 else value * 1.3
            assert expected_NV[row, word] < logits_NV[row, word]
    torch.testing.assert_close(discourage_repeats(logits_NV, tokens_NT, 1.3), expected_NV)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("num_generated", [0, 1, 2, 3, 9])
def test_repeated_ngrams_are_forbidden(n: int, num_generated: int) -> None:
    logits_NV, tokens_NT = torch.randn(50, 5), torch.randint(1, 4, (50, num_generated))
    logits_NV[:, 0] = -INFINITY
    left_NV = forbid_repeated_ngrams(logits_NV, tokens_NT, n, pad_id=0)
    for generated, before, left in zip(tokens_NT.tolist(), logits_NV.tolist(), left_NV.tolist(), strict=True):
        ngrams = {tuple(generated[i : i + n]) for i in range(len(generated) - n + 1)}
        again = {word for word in range(5) if tuple([*generated, word][-n:]) in ngrams}
        assert left == [-INFINITY if word in again else value for word, value in enumerate(before)]


def test_a_caption_may_repeat_itself_where_nothing_else_is_left() -> None:
    logits_NV = torch.tensor([[-INFINITY, 1.0, 2.0], [-INFINITY, 1.0, 2.0]])
    left_NV = forbid_repeated_ngrams(logits_NV, torch.tensor([[1, 2], [2, 2]]), 1, pad_id=0)
    assert left_NV.tolist() == [[-INFINITY, 1.0, 2.0], [-INFINITY, 1.0, -INFINITY]]


def test_what_is_kept_keeps_its_logits() -> None:
    logits_NV = _logits()
    for settings in ({"top_k": 4}, {"top_p": 0.8}, {"typical_p": 0.8}, {"filter_thres": 0.6}):
        filtered_NV = filter_logits(logits_NV, **settings)
        kept_NV = filtered_NV > -INFINITY
        assert torch.equal(filtered_NV[kept_NV], logits_NV[kept_NV])


def test_words_that_were_forbidden_stay_so() -> None:
    logits_NV = _logits()
    logits_NV[:, ::2] = -INFINITY
    for settings in ({"top_k": 99}, {"top_p": 1.0}, {"typical_p": 1.0}, {"filter_thres": 0.0}):
        assert all(row <= {*range(1, 13, 2)} for row in _kept(filter_logits(logits_NV, **settings)))


def test_temperature_comes_first_then_share_then_k_then_nucleus() -> None:
    probability_V = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
    logits_NV = probability_V.log()[None]
    torch.testing.assert_close(filter_logits(logits_NV, temperature=0.5), 2 * logits_NV)
    # squared and normalised: 0.561, 0.316, 0.079, 0.035, 0.009
    assert _kept(filter_logits(logits_NV, top_p=0.8)) == [{0, 1, 2}]
    assert _kept(filter_logits(logits_NV, temperature=0.5, top_p=0.8)) == [{0, 1}]
    # of the three likeliest alone: 0.471, 0.353, 0.176
    assert _kept(filter_logits(logits_NV, top_k=3, top_p=0.8)) == [{0, 1}]
    assert _kept(filter_logits(logits_NV, filter_thres=0.4, top_p=0.8)) == [{0, 1}]
    assert _kept(filter_logits(logits_NV, filter_thres=0.6, top_k=4)) == [{0, 1}]
    # of the two likeliest alone, 0.571 and 0.429 with entropy 0.683: 0.123 and 0.164 nats away from it
    assert _kept(filter_logits(logits_NV, top_k=2, typical_p=0.5)) == [{0}]


def test_the_callers_tensor_is_never_changed() -> None:
    logits_NV = _logits()
    before_NV = logits_NV.clone()
    filter_logits(logits_NV, temperature=0.5, top_k=3, top_p=0.5, typical_p=0.5, filter_thres=0.5)
    filter_logits(logits_NV)
    tokens_NT = torch.ones(6, 3, dtype=torch.long)
    discourage_repeats(logits_NV, tokens_NT, 2.0)
    forbid_repeated_ngrams(logits_NV, tokens_NT, 2, pad_id=0)
    assert torch.equal(logits_NV, before_NV)
    assert tokens_NT.tolist() == [[1, 1, 1]] * 6
