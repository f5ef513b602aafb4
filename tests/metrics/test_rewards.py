"""Rewards against CIDEr-D and BLEU of each caption by itself."""

import numpy as np

from metrics import DocumentFrequencies, PairedCaptions, cider_d, sentence_bleu
from metrics.bleu import bleu_statistics
from metrics.rewards import caption_rewards, mean_consensus, reward_frequencies, reward_tokens

REFERENCES = [["a dog runs", "the dog is running"], ["two birds fly high", "birds in the sky"]]
CAPTIONS = [["a dog runs", "a cat", "the dog runs"], ["two birds", "birds fly in the sky", "a plane"]]
FINISHED = [[True, True, False], [True, False, True]]


def _tokens(captions: list[list[str]]) -> list[list[list[str]]]:
    return [[[*caption.split(), "<eos>"] for caption in of_image] for of_image in captions]


FREQUENCIES = DocumentFrequencies.of(_tokens([*REFERENCES, ["a red box"]]))


def _cider(caption: list[str], references: list[list[str]]) -> float:
    return float(cider_d(PairedCaptions([caption], [references]), FREQUENCIES)[0])


def test_rewards_are_those_of_each_caption_by_itself() -> None:
    captions = [
        [reward_tokens(caption, finished=whole) for caption, whole in zip(*of_image, strict=True)]
        for of_image in zip(CAPTIONS, FINISHED, strict=True)
    ]
    rewards = caption_rewards(captions, _tokens(REFERENCES), FREQUENCIES, bleu_weight=0.5, diversity_weight=0.25)
    expected = []
    for words, references in zip(captions, _tokens(REFERENCES), strict=True):
        for place, caption in enumerate(words):
            bleu = sentence_bleu(bleu_statistics(PairedCaptions([caption], [references])))[0, 3]
            others = [*words[:place], *words[place + 1 :]]
            expected.append(_cider(caption, references) + 0.5 * bleu - 0.25 * _cider(caption, others))
    np.testing.assert_allclose(rewards.total_BK.reshape(-1), expected)
    assert rewards.parts.keys() == {"CIDEr-D", "BLEU-4", "similarity"}
    assert caption_rewards(captions, _tokens(REFERENCES), FREQUENCIES).parts.keys() == {"CIDEr-D"}


def test_the_end_of_a_caption_is_a_token_where_it_has_one() -> None:
    assert reward_tokens("A dog runs.") == ["a", "dog", "runs", "<eos>"]
    assert reward_tokens("A dog runs", finished=False) == ["a", "dog", "runs"]
    frequencies = reward_frequencies([["a dog", "dogs"], ["a cat"]])
    captions = [[reward_tokens("a dog")]]
    assert caption_rewards(captions, [[reward_tokens("a dog")]], frequencies).total_BK.shape == (1, 1)


def test_the_mean_consensus_of_references() -> None:
    references = [[["a", "dog"], ["a", "dog", "runs"], ["snow"]], [["alone"]], [["a", "cat"], ["a", "cat"]]]
    frequencies = DocumentFrequencies.of(references)
    consensus_B = mean_consensus(references, frequencies)
    by_hand = []
    for own in references:
        scores = [
            cider_d(PairedCaptions([caption], [[*own[:i], *own[i + 1 :]]]), frequencies)[0]
            for i, caption in enumerate(own)
            if len(own) > 1
        ]
        by_hand.append(np.mean(scores) if scores else 0)
    np.testing.assert_allclose(consensus_B, by_hand)
    assert consensus_B[2] > consensus_B[0] > 0
