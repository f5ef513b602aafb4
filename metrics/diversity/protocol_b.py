"""Diversity as Luo and Shakhnarovich measure it: all captions of each image, and the whole vocabulary.

Luo and Shakhnarovich, "Analysis of diversity-accuracy tradeoff in image captioning" (2020), section 3. Numbers of this
protocol and of protocol A must not be compared.
"""

from collections.abc import Collection

from metrics.diversity.caption_sets import CaptionSets
from metrics.diversity.distinct import div_n, is_novel, vocabulary_size
from metrics.diversity.mutual_bleu import slot_mutual_bleu
from metrics.diversity.self_cider import self_cider
from metrics.document_frequencies import DocumentFrequencies


def protocol_b(
    sets: CaptionSets, frequencies: DocumentFrequencies, training_sentences: Collection[str] | None = None
) -> dict[str, float]:
    """Return the scores of protocol B, all of them over all N captions.

    - `B/Div-1`, `B/Div-2`: distinct words and pairs of words of an image over all its words; mean over images.
    - `B/mBLEU-1` … `B/mBLEU-4`: corpus BLEU of all first captions against the others of their images, of all second
      ones, …; the mean of these.
    - `B/Self-CIDEr`: see `self_cider`; mean over images; absent where document frequencies are those of one image.
    - `B/vocabulary`: distinct words that all captions of all images use, a count.
    - `B/novel`: share of all captions that are no training caption; absent without training captions.

    Args:
        sets: The captions of each image.
        frequencies: Document frequencies for Self-CIDEr; those of the evaluated references in published numbers.
        training_sentences: `sentence` of each training caption, a set; None if they are not known.
    """
    results = {f"B/Div-{order}": float(div_n(sets, order).mean()) for order in (1, 2)}
    results |= {f"B/mBLEU-{order}": float(score) for order, score in enumerate(slot_mutual_bleu(sets), start=1)}
    if frequencies.num_images > 1:  # otherwise no n-gram has weight
        results["B/Self-CIDEr"] = float(self_cider(sets, frequencies).mean())
    results["B/vocabulary"] = float(vocabulary_size(sets))
    if training_sentences is not None:
        results["B/novel"] = float(is_novel(sets.captions, training_sentences).mean())
    return results
