"""The caption first that is most like what people said of similar training images.

Shape legend: B images, N captions, image by image, K nearest training images, D features.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.caption_split import CaptionSplit
from lightning_modules.ranking.ranker import Candidates, Ranker
from lightning_modules.ranking.training_index import TrainingIndex, pooled
from lightning_modules.variational_captioner import VariationalCaptioner
from metrics import (
    DocumentFrequencies,
    Neighbours,
    PairedCaptions,
    consensus_scores,
    marginal_relevance,
    nearest_images,
    ptb_tokenize,
)
from metrics.cider import SCALE, cider_d_similarities


class Consensus(Ranker):
    """The mean CIDEr-D with captions of the nearest training images (`metrics.consensus_scores`; Devlin et al. 2015).

    Nearest are those whose features, averaged over the encoder's grid, have the highest cosine.

    With `diversity` the order is that of maximal marginal relevance (`metrics.marginal_relevance`).

    Args:
        index: File of the training images' features and captions; made where training images are at hand, and made
            anew where they or the encoder have changed.
        num_nearest: k, the training images that have a say.
        num_captions: m, how many of their captions do, those most like the candidate.
        diversity: What a caption loses for each unit of CIDEr-D with the most similar caption before it.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self, *, index: str | Path, num_nearest: int = 60, num_captions: int = 125, diversity: float = 0.0
    ) -> None:
        for name, number in (("num_nearest", num_nearest), ("num_captions", num_captions)):
            if number < 1:
                raise ValueError(f"ranking.{name} must be at least 1, got {number}")
        if diversity < 0:
            raise ValueError(f"ranking.diversity must be 0 or more, got {diversity}")
        self.path = Path(index)
        self.num_nearest = num_nearest
        self.num_captions = num_captions
        self.diversity = diversity
        self._index: TrainingIndex | None = None
        self._frequencies: DocumentFrequencies | None = None

    def prepare(self, captioner: VariationalCaptioner, training: Callable[[], CaptionSplit] | None) -> None:
        """Read the index, or make it.

        Raises:
            ValueError: It is not there, damaged, or another encoder's, and there are no training images to make it of.
        """
        if training is None:
            index = TrainingIndex.load(self.path, captioner)
        else:
            index = TrainingIndex.load_or_make(self.path, captioner, training())
        self._frequencies = DocumentFrequencies.of(
            [[ptb_tokenize(caption) for caption in captions] for captions in index.captions]
        )
        self._index = index

    def __call__(self, captioner: VariationalCaptioner, candidates: Candidates) -> Tensor:
        index = self._index
        assert index is not None, "call prepare() first"
        features_BD = pooled(candidates.grid_BPD).cpu().numpy()
        num_nearest = min(self.num_nearest, len(index.captions))
        nearest_BK = nearest_images(features_BD, index.features_TD.astype(np.float32), num_nearest)
        tokens = [[ptb_tokenize(caption) for caption in of_image] for of_image in candidates.said.captions]
        image_of_candidate_N = np.repeat(np.arange(len(tokens)), [len(of_image) for of_image in tokens])
        flat = [caption for of_image in tokens for caption in of_image]
        neighbours = Neighbours(nearest_BK, index.captions, self.num_captions)
        score_BK = consensus_scores(flat, image_of_candidate_N, neighbours, self._frequencies).reshape(len(tokens), -1)
        if self.diversity:
            similarity_NK = cider_d_similarities(PairedCaptions(flat, tokens, image_of_candidate_N), self._frequencies)
            similarity_BKK = SCALE * similarity_NK.reshape(*score_BK.shape, -1)
            score_BK = marginal_relevance(score_BK, similarity_BKK, self.diversity)
        return torch.from_numpy(score_BK.ravel()).float().to(candidates.grid_BPD.device)
