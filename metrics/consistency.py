"""Whether every one of an image's captions is true of it, not just the best: mean, minimum and oracle of any score.

Shape legend: N captions, image by image, B images.
"""

from collections.abc import Mapping, Sequence

from metrics.candidate_scores import score_candidates
from metrics.caption_metric import ImageCaptions
from metrics.diversity.caption_sets import CaptionSets
from metrics.frequency_metric import FrequencyMetric
from metrics.ngrams import Floats, Integers
from metrics.paired_captions import all_candidates
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


class Consistency(FrequencyMetric):
    """Mean, minimum and oracle accuracy over each image's captions (`consistency`): BLEU, ROUGE-L and CIDEr-D.

    Arguments as for `FrequencyMetric`.
    """

    needs_several = True
    higher_is_better = True

    def score(self, images: Sequence[ImageCaptions]) -> dict[str, float]:
        """Return `mean/…`, `min/…` and `oracle/…` of each score.

        Raises:
            ValueError: An image has fewer than two captions.
        """
        pairs = all_candidates(images)
        sets = CaptionSets.of_candidates(pairs)  # refuses single captions, of which all three would be the same
        return consistency(score_candidates(pairs, self.frequencies).by_name, sets.image_of_caption_N)
