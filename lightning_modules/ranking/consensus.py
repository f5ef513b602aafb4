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
from metrics import DocumentFrequencies, Neighbours, consensus_scores, nearest_images, ptb_tokenize


class Consensus(Ranker):
    """The mean CIDEr-D with captions of the nearest training images (`metrics.consensus_scores`; Devlin et al. 2015).

    Nearest are those whose features, averaged over the encoder's grid, have the highest cosine.

    Args:
        index: File of the training images' features and captions; made where training images are at hand, and made
            anew where they or the encoder have changed.
        num_nearest: k, the training images that have a say.
        num_captions: m, how many of their captions do, those most like the candidate.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, *, index: str | Path, num_nearest: int = 60, num_captions: int = 125) -> None:
        for name, number in (("num_nearest", num_nearest), ("num_captions", num_captions)):
            if number < 1:
                raise ValueError(f"ranking.{name} must be at least 1, got {number}")
        self.path = Path(index)
        self.num_nearest = num_nearest
        self.num_captions = num_captions
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
        captions = candidates.said.captions
        score_N = consensus_scores(
            [ptb_tokenize(caption) for of_image in captions for caption in of_image],
            np.repeat(np.arange(len(captions)), [len(of_image) for of_image in captions]),
            Neighbours(nearest_BK, index.captions, self.num_captions),
            self._frequencies,
        )
        return torch.from_numpy(score_N).float().to(candidates.grid_BPD.device)
