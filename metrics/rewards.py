"""Rewards of sampled captions, for training on the scores that papers report; they know no model.

Shape legend: B images, N captions, image by image, K captions of an image, equally many of each.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metrics.bleu import bleu_statistics, sentence_bleu
from metrics.cider import cider_d
from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Floats, Tokens
from metrics.paired_captions import PairedCaptions
from metrics.ptb_tokenizer import ptb_tokenize
from utils.progress import SHOWN_AFTER, progress_bar

BLEU_4 = 3  # its column in `sentence_bleu`
END = "<eos>"  # is a word of rewards: captions that break off would otherwise lose nothing by it


class Rewards(NamedTuple):
    """Rewards of captions.

    Attributes:
        total_BK: The reward of each caption.
        parts: What it is made of by name, `part_N` each.
    """

    total_BK: Floats
    parts: dict[str, Floats]


def caption_rewards(
    captions: Sequence[Sequence[Tokens]],
    references: Sequence[Sequence[Tokens]],
    frequencies: DocumentFrequencies,
    *,
    bleu_weight: float = 0.0,
    diversity_weight: float = 0.0,
) -> Rewards:
    """Return CIDEr-D + bleu_weight · sentence BLEU-4 − diversity_weight · similarity of each caption.

    Args:
        captions: Of each image, equally many (see `reward_tokens`).
        references: Of each image.
        frequencies: Document frequencies of CIDEr-D (see `reward_frequencies`).
        bleu_weight: Weight of sentence BLEU-4, beside CIDEr-D's 1.
        diversity_weight: Weight of the mean CIDEr-D with the image's other captions, which a caption loses.
    """
    flat = [caption for of_image in captions for caption in of_image]
    pairs = PairedCaptions(flat, references, np.repeat(np.arange(len(captions)), len(captions[0])))
    cider_N = cider_d(pairs, frequencies)
    total_N, parts = cider_N, {"CIDEr-D": cider_N}
    if bleu_weight:
        parts["BLEU-4"] = sentence_bleu(bleu_statistics(pairs))[:, BLEU_4]
        total_N = total_N + bleu_weight * parts["BLEU-4"]
    if diversity_weight:
        parts["similarity"] = similarity_to_others(captions, frequencies)
        total_N = total_N - diversity_weight * parts["similarity"]
    return Rewards(total_N.reshape(len(captions), -1), parts)


def similarity_to_others(captions: Sequence[Sequence[Tokens]], frequencies: DocumentFrequencies) -> Floats:
    """Return CIDEr-D of each caption with the other captions of its image as references: `similarity_N`."""
    flat = [caption for of_image in captions for caption in of_image]
    others = [[*of_image[:i], *of_image[i + 1 :]] for of_image in captions for i in range(len(of_image))]
    return cider_d(PairedCaptions(flat, others), frequencies)


def mean_consensus(references: Sequence[Sequence[Tokens]], frequencies: DocumentFrequencies) -> Floats:
    """Return the mean CIDEr-D of each image's references, each with the others: `consensus_B`; 0 of a single one."""
    compared = np.array([len(of_image) > 1 for of_image in references], dtype=bool)
    consensus_B = np.zeros(len(references))
    if compared.any():
        several = [of_image for of_image in references if len(of_image) > 1]
        similarity_R = similarity_to_others(several, frequencies)
        first_B = np.cumsum([0, *map(len, several[:-1])])
        consensus_B[compared] = np.add.reduceat(similarity_R, first_B) / [*map(len, several)]
    return consensus_B


def reward_frequencies(captions: Sequence[Sequence[str]]) -> DocumentFrequencies:
    """Return the document frequencies of training captions, given of each image."""
    bar = progress_bar(captions, desc="words of training captions", unit="image", delay=SHOWN_AFTER, leave=False)
    return DocumentFrequencies.of([[reward_tokens(caption) for caption in of_image] for of_image in bar])


def reward_tokens(caption: str, *, finished: bool = True) -> Tokens:
    """Return a caption's tokens as rewards see them, with its end as a token if it has one."""
    return [*ptb_tokenize(caption), *([END] if finished else [])]
