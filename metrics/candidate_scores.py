"""How well every candidate agrees with the references of its image, by every accuracy metric at once.

Shape legend: N candidates, B images.
"""

from typing import NamedTuple

import numpy as np

from metrics.bleu import BLEU_NAMES, BleuStatistics, bleu_statistics, corpus_bleu, sentence_bleu
from metrics.cider import cider_d
from metrics.document_frequencies import DocumentFrequencies
from metrics.meteor import meteor_scores
from metrics.ngrams import Floats, Integers
from metrics.paired_captions import PairedCaptions
from metrics.rouge_l import rouge_l


class CandidateScores(NamedTuple):
    """The scores of every candidate, and what it takes to score a choice of them together.

    Attributes:
        pairs: The candidates and their references.
        by_name: For each metric the score of each candidate, [N]: sentence BLEU-1 to BLEU-4, ROUGE-L, CIDEr-D, and
            METEOR if it was asked for.
        statistics: What corpus BLEU sums up.
        meteor: METEOR of all candidates together; None if it was not asked for.
    """

    pairs: PairedCaptions
    by_name: dict[str, Floats]
    statistics: BleuStatistics
    meteor: float | None

    def of_choice(self, chosen: Integers) -> dict[str, float]:
        """Return the accuracy of some candidates as papers report it.

        BLEU and METEOR of all chosen candidates together, the mean of ROUGE-L and CIDEr-D.

        Args:
            chosen: The numbers of the candidates, commonly one of each image: [B].
        """
        bleu = corpus_bleu(BleuStatistics(*(part[chosen] for part in self.statistics)))
        means = {name: float(self.by_name[name][chosen].mean()) for name in ("ROUGE-L", "CIDEr-D")}
        meteor = {} if self.meteor is None else {"METEOR": self._meteor_of(chosen)}
        return dict(zip(BLEU_NAMES, bleu.tolist(), strict=True)) | means | meteor

    def _meteor_of(self, chosen: Integers) -> float:
        if self.meteor is not None and np.array_equal(chosen, np.arange(len(self.pairs.candidates))):
            return self.meteor
        candidates = [self.pairs.candidates[number] for number in chosen]
        images = self.pairs.image_of_candidate_N[chosen]
        return meteor_scores(PairedCaptions(candidates, self.pairs.references, images)).corpus


def score_candidates(
    pairs: PairedCaptions, frequencies: DocumentFrequencies | None = None, *, with_meteor: bool = False
) -> CandidateScores:
    """Score every candidate by every metric.

    Args:
        pairs: Candidates and references.
        frequencies: Document frequencies of CIDEr-D; None for those of the references.
        with_meteor: Whether to compute METEOR, which takes Java and some seconds.

    Raises:
        ValueError: METEOR cannot be computed here.
    """
    statistics = bleu_statistics(pairs)
    by_name = dict(zip(BLEU_NAMES, sentence_bleu(statistics).T, strict=True))
    by_name["ROUGE-L"] = rouge_l(pairs)
    by_name["CIDEr-D"] = cider_d(pairs, frequencies)
    meteor = meteor_scores(pairs) if with_meteor else None
    if meteor is not None:
        by_name["METEOR"] = meteor.segment_N
    return CandidateScores(pairs, by_name, statistics, None if meteor is None else meteor.corpus)
