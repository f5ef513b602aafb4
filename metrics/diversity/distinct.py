"""How many captions and words are distinct: distinct captions, distinct n-grams, words, new sentences.

Shape legend: N captions, image by image, B images.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.diversity.caption_sets import CaptionSets
from metrics.ngrams import Floats, Tokens, distinct_keys


def distinct_share(sets: CaptionSets) -> Floats:
    """Return for each image the share of its captions that differ, 1/N to 1: [B]; two are the same word for word."""
    numbers: dict[str, int] = {}
    sentence_N = np.array([numbers.setdefault(sentence(caption), len(numbers)) for caption in sets.captions])
    key_N = sets.image_of_caption_N * len(numbers) + sentence_N
    return _distinct(key_N, len(numbers), len(sets.counts_B)) / sets.counts_B


def div_n(sets: CaptionSets, order: int) -> Floats:
    """Return Div-n of each image, 0 to 1: [B].

    Distinct n-grams of the image's captions over all their *words*, whatever the order (Shetty et al. 2017, "Speaking
    the same language", section 5.3); 0 without captions.

    Args:
        sets: The captions of each image.
        order: n, the words of an n-gram; 1 to 4.
    """
    counts = sets.ngrams[order - 1]
    words_B = np.bincount(sets.image_of_caption_N, sets.lengths_N)
    distinct_B = _distinct(counts.keys(sets.image_of_caption_N), len(counts.where_G), len(sets.counts_B))
    return distinct_B / np.maximum(words_B, 1)


def vocabulary_size(sets: CaptionSets) -> int:
    """Return the number of distinct words in all captions of all images."""
    return len(np.unique(sets.ngrams[0].ngram_K))


def is_novel(captions: Sequence[Tokens], training_sentences: Collection[str]) -> NDArray[np.bool_]:
    """Return whether each caption differs, in some word, from every training caption: [N].

    Args:
        captions: The captions, as tokens.
        training_sentences: `sentence` of each training caption, tokenized alike; a set.
    """
    return np.array([sentence(caption) not in training_sentences for caption in captions], dtype=np.bool_)


def sentence(caption: Tokens) -> str:
    """Return a caption as one string, which is equal for equal tokens; a token holds no space."""
    return " ".join(caption)


def _distinct(key_K: NDArray[np.int64], keys_of_image: int, num_images: int) -> Floats:
    """Return the number of distinct keys of each image, where the keys of image i start at i · keys_of_image."""
    return np.bincount(distinct_keys(key_K) // max(keys_of_image, 1), minlength=num_images).astype(np.float64)
