"""The caption first that is most like references of similar training images, and like captions that the model samples.

Shape legend: B images, N captions, image by image, K nearest training images, D features.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule
from lightning_modules.generation import marginal_gains
from lightning_modules.ranking.drawn_captions import drawn_captions, image_of_captions, tokenized
from lightning_modules.ranking.neighbour_spaces import NEIGHBOURHOODS, Neighbourhood
from lightning_modules.ranking.ranker import Candidates, Ranker
from lightning_modules.ranking.training_index import TrainingIndex
from metrics import DocumentFrequencies, Neighbours, PairedCaptions, consensus_scores
from metrics.cider import SCALE, cider_d_similarities
from metrics.ngrams import Floats, Tokens
from utils.require import require


class Consensus(Ranker):
    """The mean CIDEr-D with captions of the nearest training images (`metrics.consensus_scores`; Devlin et al. 2015).

    Nearest are those of the highest cosine (see `neighbours`). An image is no neighbour of its own, nor is its copy
    under another name: its references are not to be known.

    With `num_samples` the mean CIDEr-D with captions that the model samples for the image is added: the expected score
    of a caption if the truth is what the model believes (minimum Bayes risk; Kumar and Byrne 2004).

    `diversity` and `coverage` make the first captions a good set (`marginal_gains`): one loses what it shares
    with those before it, and gains what it covers of the neighbours' and the sampled captions that they left out.

    Args:
        index: File of the training images' features and captions; made where training images are at hand, and made
            anew where they or the encoder have changed.
        neighbours: What the cosine is of: `words`, the words that the features suggest, with the words of the training
            images' captions (`words_space`); `cosine`, the features themselves, averaged over the encoder's grid.
        num_nearest: k, the training images whose captions count.
        num_neighbour_captions: m, how many of their captions do, those most like the candidate.
        num_samples: Captions that the model samples for each image, words and codes; 0 leaves them out.
        sample_temperature: Of their words.
        sample_weight: Weight of the mean CIDEr-D with them; that with the neighbours' captions has weight 1.
        max_length: Most tokens of a sampled caption.
        diversity: What a caption loses for each unit of CIDEr-D with the most similar caption before it.
        coverage: What it gains for each unit of CIDEr-D by which it comes nearer, on average, to the neighbours' and
            the sampled captions than the nearest caption before it.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        index: str | Path,
        neighbours: Neighbourhood = "words",
        num_nearest: int = 60,
        num_neighbour_captions: int = 125,
        num_samples: int = 0,
        sample_temperature: float = 0.7,
        sample_weight: float = 1.0,
        max_length: int = 40,
        diversity: float = 0.0,
        coverage: float = 0.0,
    ) -> None:
        require(neighbours in NEIGHBOURHOODS, "ranking.neighbours", f"one of {', '.join(NEIGHBOURHOODS)}", neighbours)
        require(num_nearest >= 1, "ranking.num_nearest", "at least 1", num_nearest)
        require(num_neighbour_captions >= 1, "ranking.num_neighbour_captions", "at least 1", num_neighbour_captions)
        require(max_length >= 1, "ranking.max_length", "at least 1", max_length)
        require(num_samples >= 0, "ranking.num_samples", "0 or more", num_samples)
        require(sample_weight >= 0, "ranking.sample_weight", "0 or more", sample_weight)
        require(diversity >= 0, "ranking.diversity", "0 or more", diversity)
        require(coverage >= 0, "ranking.coverage", "0 or more", coverage)
        require(sample_temperature > 0, "ranking.sample_temperature", "above 0", sample_temperature)
        self.path = Path(index)
        self.neighbours = neighbours
        self.num_nearest = num_nearest
        self.num_neighbour_captions = num_neighbour_captions
        self.num_samples = num_samples
        self.sample_temperature = sample_temperature
        self.sample_weight = sample_weight
        self.max_length = max_length
        self.diversity = diversity
        self.coverage = coverage
        self._index: TrainingIndex | None = None
        self._training_tokens: list[list[Tokens]] = []
        self._frequencies: DocumentFrequencies | None = None

    def prepare(self, captioner: CaptioningModule, training: Callable[[], CaptionSplit] | None) -> None:
        """Read the index, or make it.

        Raises:
            ValueError: It is not there, damaged, or another encoder's, and there are no training images to make it of.
        """
        self._index = index = TrainingIndex.find(self.path, captioner, training)
        self._training_tokens = tokenized(index.captions)
        self._frequencies = DocumentFrequencies.of(self._training_tokens)

    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        index, frequencies = self._index, self._frequencies
        assert index is not None, "call prepare() first"
        generated = tokenized(candidates.generated.captions)
        drawn = self._draw(captioner, candidates)
        keys_BK = None if candidates.keys is None else candidates.keys()
        neighbours = self._neighbours(index, captioner.pooled_features(candidates.features_BPD), keys_BK)
        flat = [caption for of_image in generated for caption in of_image]
        score_N = consensus_scores(flat, image_of_captions(generated), neighbours, frequencies)
        score_BK = score_N.reshape(len(generated), -1)
        if self.num_samples:
            score_BK = score_BK + self.sample_weight * _cider_d(generated, drawn, frequencies).mean(axis=2)
        similarity_BKK = coverage_BKX = None
        if self.diversity:
            similarity_BKK = _cider_d(generated, generated, frequencies)
        if self.coverage:
            training = [*self._training_tokens, []]  # the last stands for no image
            others = [
                [*(caption for image in nearest for caption in training[image]), *more]
                for nearest, more in zip(neighbours.nearest_BK, drawn, strict=True)
            ]
            coverage_BKX = _cider_d(generated, others, frequencies) / np.array([*map(len, others)])[:, None, None]
        gain_BK = marginal_gains(
            torch.from_numpy(score_BK),
            similarity_BKK=None if similarity_BKK is None else torch.from_numpy(similarity_BKK),
            diversity=self.diversity,
            coverage_BKX=None if coverage_BKX is None else torch.from_numpy(coverage_BKX),
            coverage=self.coverage,
        )
        return gain_BK.flatten().float().to(candidates.features_BPD.device)

    def _neighbours(self, index: TrainingIndex, features_BD: Tensor, keys_BK: ImageKeys | None = None) -> Neighbours:
        """Return the nearest images of the index that are not the image itself.

        Raises:
            ValueError: The index holds no other image.
        """
        twins = [index.numbers_of(keys) for keys in (keys_BK if keys_BK is not None else [()] * len(features_BD))]
        num_training = len(index.captions)
        num_nearest = min(self.num_nearest, num_training)
        num_looked_at = min(num_nearest + max(map(len, twins), default=0), num_training)
        nearest_BK = np.full((len(twins), num_nearest), num_training)  # which stands for no image
        looked_at_BX = index.nearest(features_BD.cpu().numpy(), num_looked_at, self.neighbours)
        for nearest_K, looked_at_X, own in zip(nearest_BK, looked_at_BX, twins, strict=True):
            others = [number for number in looked_at_X.tolist() if number not in own][:num_nearest]
            nearest_K[: len(others)] = others
            if not others:
                raise ValueError(
                    f"{self.path}: the index holds no other image than the one to rank captions of; make it of more "
                    f"training images"
                )
        return Neighbours(nearest_BK, [*index.captions, []], self.num_neighbour_captions)

    def _draw(self, captioner: CaptioningModule, candidates: Candidates) -> list[list[Tokens]]:
        """Draw captions of each image from the model; none without `num_samples`."""
        if not self.num_samples:
            return [[] for _ in candidates.features_BPD]
        return drawn_captions(
            captioner,
            candidates,
            num=self.num_samples,
            temperature=self.sample_temperature,
            max_length=self.max_length,
        )


def _cider_d(
    generated: Sequence[Sequence[Tokens]], others: Sequence[Sequence[Tokens]], frequencies: DocumentFrequencies | None
) -> Floats:
    """Return CIDEr-D of each caption of an image, equally many of each, with each of its other captions: [B, K, X].

    0 beyond the last of them, where another image has more.
    """
    flat = [caption for of_image in generated for caption in of_image]
    similarity_NX = cider_d_similarities(PairedCaptions(flat, others, image_of_captions(generated)), frequencies)
    return SCALE * similarity_NX.reshape(len(generated), -1, similarity_NX.shape[1])
