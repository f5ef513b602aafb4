"""Whether every one of an image's captions is true of it, not just the best: mean, minimum and oracle of any score.

Shape legend: N captions, image by image, B images.
"""

from collections.abc import Mapping

from metrics.ngrams import Floats, Integers
from metrics.spread import spread


def consistency(scores: Mapping[str, Floats], image_of_caption_N: Integers) -> dict[str, float]:
    """Return `mean/…`, `min/…` and `oracle/…` of each score: over an image's captions, then the mean over images.

    Arguments as for `spread`, with one score for each name. BLEU is sentence BLEU here: that of the corpus has no
    minimum over one image's captions.
    """
    spreads = {name: spread(score_N, image_of_caption_N) for name, score_N in scores.items()}
    results = {}
    for at, kind in enumerate(("mean", "min", "oracle")):  # the order of a `Spread`
        for name, of_name in spreads.items():
            results[f"{kind}/{name}"] = float(of_name[at].mean())
    return results
