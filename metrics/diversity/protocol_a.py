"""Diversity in the protocol of the m-RNN split: the five best captions of each image, and the oracle.

Wang, Schwing and Lazebnik 2017, "Diverse and accurate image description using a variational auto-encoder with an
additive Gaussian encoding space", section 4; Deshpande et al. 2019, "Fast, diverse and accurate image captioning guided
by part-of-speech", section 5. Numbers of this protocol and of protocol B must not be compared.

Shape legend: N captions, image by image, B images.
"""

from collections.abc import Collection, Mapping

from metrics.diversity.caption_sets import CaptionSets
from metrics.diversity.distinct import distinct_share, div_n, is_novel
from metrics.diversity.mutual_bleu import mean_mutual_bleu
from metrics.ngrams import Floats
from metrics.spread import spread

BEST = 5


def protocol_a(
    sets: CaptionSets, scores: Mapping[str, Floats], training_sentences: Collection[str] | None = None
) -> dict[str, float]:
    """Return the scores of protocol A.

    - `A/distinct`: share of an image's captions that differ, of all N; mean over images.
    - `A/novel`: share of all images' best five that are no training caption; absent without training captions.
    - `A/mBLEU-4`: mean sentence BLEU-4 of each of the best five against the others; mean over images.
    - `A/Div-1`, `A/Div-2`: distinct words and pairs of words of the best five over all their words; mean over images.
    - `A/oracle-…`: the best of all N captions by each metric by itself; mean over images.

    The best five are an image's first five captions, as they are given; all where it has fewer.

    Args:
        sets: The captions of each image, best first.
        scores: For each metric the score of each caption against the references: [N].
        training_sentences: `sentence` of each training caption, a set; None if they are not known.
    """
    best = sets.best(BEST)
    results = {"A/distinct": distinct_share(sets).mean()}
    if training_sentences is not None:
        results["A/novel"] = is_novel(best.captions, training_sentences).mean()
    results["A/mBLEU-4"] = mean_mutual_bleu(best)[:, 3].mean()
    for order in (1, 2):
        results[f"A/Div-{order}"] = div_n(best, order).mean()
    for name, score_N in scores.items():
        results[f"A/oracle-{name}"] = spread(score_N, sets.image_of_caption_N).oracle_B.mean()
    return {name: float(value) for name, value in results.items()}
