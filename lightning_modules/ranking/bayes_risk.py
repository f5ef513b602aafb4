"""The caption first that is expected to score best, if the truth is what the model believes.

Shape legend: B images, N captions, image by image, K captions of an image, X drawn captions of an image.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule
from lightning_modules.ranking.drawn_captions import drawn_captions, image_of_captions, tokenized
from lightning_modules.ranking.ranker import Candidates, Ranker
from lightning_modules.ranking.training_index import TrainingIndex
from metrics import DocumentFrequencies, PairedCaptions, bleu_similarities
from metrics.cider import SCALE, cider_d_similarities
from utils.require import require


class BayesRisk(Ranker):
    """The mean score of a caption with captions that the model draws (minimum Bayes risk; Kumar and Byrne 2004).

    The score is `cider_weight` · CIDEr-D (0 to 10) + `bleu_weight` · smoothed BLEU-4 of the sentence (0 to 1) with each
    drawn caption as the only reference.

    Args:
        index: File of the training images, whose captions weigh the n-grams of CIDEr-D (see `Consensus`).
        num_samples: Captions that the model draws for each image, words and codes.
        sample_temperature: Of their words.
        cider_weight: Weight of CIDEr-D; 0 leaves it out, and the index unread.
        bleu_weight: Weight of BLEU-4, the scale of which is a tenth.
        max_length: Most tokens of a drawn caption.

    Raises:
        ValueError: A number is out of its range, or both weights are 0.
    """

    def __init__(
        self,
        *,
        index: str | Path,
        num_samples: int = 100,
        sample_temperature: float = 0.7,
        cider_weight: float = 1.0,
        bleu_weight: float = 1.0,
        max_length: int = 40,
    ) -> None:
        require(num_samples >= 1, "ranking.num_samples", "at least 1", num_samples)
        require(max_length >= 1, "ranking.max_length", "at least 1", max_length)
        require(cider_weight >= 0, "ranking.cider_weight", "0 or more", cider_weight)
        require(bleu_weight >= 0, "ranking.bleu_weight", "0 or more", bleu_weight)
        if not cider_weight and not bleu_weight:
            raise ValueError(
                "ranking.cider_weight and bleu_weight must not both be 0; choose ranking=none for no order"
            )
        require(sample_temperature > 0, "ranking.sample_temperature", "above 0", sample_temperature)
        self.path = Path(index)
        self.num_samples = num_samples
        self.sample_temperature = sample_temperature
        self.cider_weight = cider_weight
        self.bleu_weight = bleu_weight
        self.max_length = max_length
        self._frequencies: DocumentFrequencies | None = None

    def prepare(self, captioner: CaptioningModule, training: Callable[[], CaptionSplit] | None) -> None:
        """Count in how many training images' captions n-grams occur, if CIDEr-D is asked for.

        Raises:
            ValueError: As `Consensus`.
        """
        if self.cider_weight:
            captions = TrainingIndex.find(self.path, captioner, training).captions
            self._frequencies = DocumentFrequencies.of(tokenized(captions))

    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        drawn = drawn_captions(
            captioner,
            candidates,
            num=self.num_samples,
            temperature=self.sample_temperature,
            max_length=self.max_length,
        )
        generated = tokenized(candidates.generated.captions)
        flat = [caption for of_image in generated for caption in of_image]
        pairs = PairedCaptions(flat, drawn, image_of_captions(generated))
        score_N = np.zeros(len(flat))
        if self.cider_weight:
            assert self._frequencies is not None, "call prepare() first"
            score_N += self.cider_weight * SCALE * cider_d_similarities(pairs, self._frequencies).mean(axis=1)
        if self.bleu_weight:
            score_N += self.bleu_weight * bleu_similarities(pairs).mean(axis=1)
        return torch.from_numpy(score_N).float().to(candidates.features_BPD.device)
