"""What is kept of the captions of a set, against loops over lists."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from lightning_modules.generation import length_normalised
from lightning_modules.generation.selection import first_different, most_different, ngram_similarity, repeats
from tests.lightning_modules.generation.table_stepper import EOS, PAD, SPECIAL, unpadded


def _sets(num_sets: int = 30, num_captions: int = 7, length: int = 3) -> Tensor:
    """Short captions of two words, many of them equal; some have ended, the others are cut."""
    tokens_SKL = torch.randint(6, 8, (num_sets, num_captions, length))
    for tokens_L in tokens_SKL.view(-1, length):
        end = int(torch.randint(1, length + 1, ()))
        tokens_L[end : end + 1] = EOS
        tokens_L[end + 1 :] = PAD
    return tokens_SKL


def test_a_repeat_has_the_tokens_of_an_earlier_caption_of_its_set() -> None:
    tokens_SKL = _sets()
    expected = [
        [caption in captions[:number] for number, caption in enumerate(captions)] for captions in tokens_SKL.tolist()
    ]
    assert repeats(tokens_SKL).tolist() == expected
    assert 0 < repeats(tokens_SKL).sum() < repeats(tokens_SKL).numel()


def test_a_caption_that_was_cut_does_not_repeat_the_one_that_ended() -> None:
    assert repeats(torch.tensor([[[6, 7, EOS], [6, 7, 8], [6, EOS, PAD], [6, 7, EOS]]])).tolist() == [
        [False, False, False, True]
    ]


@pytest.mark.parametrize("num", [1, 2, 4, 7])
def test_the_first_that_differ_are_kept_and_repeats_fill_up(num: int) -> None:
    tokens_SKL = _sets()
    selection = first_different(tokens_SKL, num)
    for captions, chosen, num_draws in zip(tokens_SKL.tolist(), *(part.tolist() for part in selection), strict=True):
        different: list[int] = []
        drawn = 0
        while len(different) < num and drawn < len(captions):
            if captions[drawn] not in captions[:drawn]:
                different.append(drawn)
            drawn += 1
        others = [number for number, caption in enumerate(captions) if caption in captions[:number]]
        assert chosen == [*different, *others][:num]
        assert num_draws == drawn


def test_more_draws_than_are_needed_change_nothing() -> None:
    """What is reported is what drawing one after the other, until enough differ, would have cost."""
    tokens_SKL = _sets(num_captions=20)
    chosen_SF, num_draws_S = first_different(tokens_SKL, 2)
    assert (num_draws_S < 20).all()
    for captions_1KL, chosen_F, num_draws in zip(tokens_SKL.split(1), chosen_SF, num_draws_S.tolist(), strict=True):
        alone = first_different(captions_1KL[:, :num_draws], 2)
        assert torch.equal(alone.chosen_SF[0], chosen_F)
        assert alone.num_draws_S.item() == num_draws


def _plain_similarity(one: list[int], other: list[int]) -> float:
    cosines = []
    for n in range(1, 5):
        counts = [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (one, other)]
        product = sum(counts[0][ngram] * counts[1][ngram] for ngram in counts[0])
        norms = [sum(count**2 for count in of_one.values()) ** 0.5 for of_one in counts]
        cosines.append(product / (norms[0] * norms[1]) if all(norms) else 0.0)
    return sum(cosines) / 4


@pytest.mark.parametrize("length", [2, 3, 8])
def test_likeness_is_the_mean_cosine_of_ngrams(length: int) -> None:
    tokens_KL = _sets(num_sets=1, num_captions=12, length=length)[0]
    captions = [[token for token in tokens if token != EOS] for tokens in unpadded(tokens_KL)]
    expected = [[_plain_similarity(one, other) for other in captions] for one in captions]
    torch.testing.assert_close(ngram_similarity(tokens_KL, SPECIAL), torch.tensor(expected, dtype=torch.double))


@pytest.mark.parametrize("diversity", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("num", [1, 3, 7])
def test_the_most_different_are_chosen_greedily_of_those_that_differ(diversity: float, num: int) -> None:
    tokens_SKL, relevance_SK = _sets(), torch.randn(30, 7)
    selection = most_different(tokens_SKL, relevance_SK, num, diversity=diversity, special=SPECIAL)
    assert selection.num_draws_S.tolist() == [7] * 30
    for tokens_KL, relevance, chosen in zip(tokens_SKL, relevance_SK.tolist(), selection.chosen_SF, strict=True):
        captions, alike = tokens_KL.tolist(), ngram_similarity(tokens_KL, SPECIAL).tolist()
        left = [number for number, caption in enumerate(captions) if caption not in captions[:number]]
        expected: list[int] = []
        while left:
            best = max(left, key=lambda i: relevance[i] - diversity * max((alike[i][j] for j in expected), default=0))
            expected.append(best)
            left.remove(best)
        expected += [number for number, caption in enumerate(captions) if caption in captions[:number]]
        assert chosen.tolist() == expected[:num]


def test_scores_are_normalised_by_length() -> None:
    tokens_NL = torch.tensor([[6, EOS, PAD, PAD], [6, 7, 8, 9]])
    found_N = length_normalised(torch.tensor([-2.0, -4.0]), tokens_NL, 0.6, pad_id=PAD)
    torch.testing.assert_close(found_N, torch.tensor([-2 / (7 / 6) ** 0.6, -4 / (9 / 6) ** 0.6]))
