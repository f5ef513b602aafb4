"""ROUGE-1, ROUGE-2 and ROUGE-L by the `rouge-score` package, over the words of any script."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from metrics.per_image_metric import PerImageMetric
from metrics.words import words

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import Tokenizer

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL")


class UnicodeTokenizer:
    """The package's own tokens of ASCII text, where it knows a to z and 0 to 9 alone; `words` of any other.

    Args:
        of_ascii: The package's tokenizer.
    """

    def __init__(self, of_ascii: "Tokenizer") -> None:
        self.of_ascii = of_ascii

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        tokens = self.of_ascii.tokenize
        if text.isascii():
            return list(tokens(text))
        return [token for word in words(text) for token in (tokens(word) if word.isascii() else [word])]


@cache
def _scorer(use_stemmer: bool) -> "RougeScorer":
    from rouge_score.rouge_scorer import RougeScorer  # all of nltk comes with it: 110 MiB and more than a second
    from rouge_score.tokenizers import DefaultTokenizer

    return RougeScorer(list(ROUGE_TYPES), tokenizer=UnicodeTokenizer(DefaultTokenizer(use_stemmer)))


def rouge(candidate: str, references: Sequence[str], *, use_stemmer: bool = True) -> tuple[float, float, float]:
    """Return the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004), each that of the best reference.

    ROUGE-n counts common n-grams, ROUGE-L the longest common subsequence of words (see `metrics.words`).

    Args:
        candidate: The caption to score.
        references: The references of the same image; at least one.
        use_stemmer: Whether English words longer than three letters count as their Porter stem.
    """
    scores = [_scorer(use_stemmer).score(reference, candidate) for reference in references]
    best = [max(score[name].fmeasure for score in scores) for name in ROUGE_TYPES]
    return best[0], best[1], best[2]


class RougeScore(PerImageMetric):
    """ROUGE of each image's candidates, averaged over its candidates, then over images.

    Args:
        use_stemmer: Whether English words longer than three letters count as their Porter stem.
    """

    names = tuple(f"rouge_score/{name}" for name in ROUGE_TYPES)

    def __init__(self, *, use_stemmer: bool = True) -> None:
        super().__init__()
        self.use_stemmer = use_stemmer

    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> list[float]:
        """Return the mean over the candidates of ROUGE-1, ROUGE-2 and ROUGE-L."""
        of_candidates = [rouge(candidate, references, use_stemmer=self.use_stemmer) for candidate in candidates]
        return [sum(column) / len(of_candidates) for column in zip(*of_candidates, strict=True)]
