"""The COCO caption evaluation, pycocoevalcap, behind the shapes that benchmarks/metrics.py compares.

Shape legend: N candidates, image by image; S candidates of each image.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metrics.caption_metric import ImageCaptions
from metrics.ngrams import Floats, Tokens
from metrics.paired_captions import PairedCaptions

INSTALL = "pycocoevalcap is not here: pip install pycocoevalcap, or name its site-packages with --pycocoevalcap"


class Case(NamedTuple):
    """Captions of one size, as text and as tokens: for each image its candidates, and its references."""

    images: list[ImageCaptions]
    candidates: list[list[Tokens]]
    references: list[list[Tokens]]

    def pair(self) -> PairedCaptions:
        """Return all candidates beside their references; nothing is counted yet."""
        image_of_candidate_N = np.repeat(np.arange(len(self.images)), len(self.candidates[0]))
        flat = [caption for captions in self.candidates for caption in captions]
        return PairedCaptions(flat, self.references, image_of_candidate_N)


class Coco:
    """pycocoevalcap, which scores one candidate an image at a time: it runs once for each candidate."""

    def __init__(self) -> None:
        self.tokenizer = importlib.import_module("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
        self.bleu = importlib.import_module("pycocoevalcap.bleu.bleu").Bleu(4)
        self.rouge = importlib.import_module("pycocoevalcap.rouge.rouge").Rouge()
        self.cider = importlib.import_module("pycocoevalcap.cider.cider").Cider()

    def tokenize(self, images: Sequence[ImageCaptions]) -> Case:
        """Tokenize candidates and references by Java, each in one call."""
        candidates = self._tokens({image.image_id: image.candidates for image in images})
        references = self._tokens({image.image_id: image.references for image in images})
        return Case([*images], candidates, references)

    def _tokens(self, captions: Mapping[int, list[str]]) -> list[list[Tokens]]:
        rows = {image: [{"caption": caption} for caption in of_image] for image, of_image in captions.items()}
        return [[caption.split() for caption in of_image] for of_image in self.tokenizer.tokenize(rows).values()]

    def score(self, name: str, case: Case) -> Floats:
        """Return what the function of this name in `OURS` returns."""
        references = {i: list(map(" ".join, captions)) for i, captions in enumerate(case.references)}
        corpus, sentences = [], []
        for slot in range(len(case.candidates[0])):
            candidates = {i: [" ".join(captions[slot])] for i, captions in enumerate(case.candidates)}
            if name == "BLEU":
                score, scores = self.bleu.compute_score(references, candidates, verbose=0)
                corpus.append(score)
            else:
                scorer = self.rouge if name == "ROUGE-L" else self.cider
                scores = scorer.compute_score(references, candidates)[1]
            sentences.append(np.array(scores).T)
        by_candidate = np.stack(sentences, axis=1).reshape(-1, *sentences[0].shape[1:])  # image by image
        return np.concatenate([by_candidate, np.array(corpus)]) if corpus else by_candidate


def load_coco(site_packages: Path | None) -> Coco | None:
    """Return pycocoevalcap, or None, and say how to get it, where it is not installed."""
    if site_packages is not None:
        sys.path.append(str(site_packages))
    try:
        return Coco()
    except ModuleNotFoundError:
        print(INSTALL)
        return None
