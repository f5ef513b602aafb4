"""Words that the captions of an image are likely to have, predicted from its features as a whole.

Shape legend: B images, M images or captions, P positions of the encoder's grid, D features of a position, A words that
can be predicted, K words that are likeliest, W width of the memory.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.layers.dropout import Dropout, WordDropout
from utils.require import require

INITIAL_LOG_ODDS = -4.0  # of a word: most are in few captions


class WordLogits(NamedTuple):
    """How likely words are in the captions of images.

    Attributes:
        logits_MA: Log-odds of each word: of each image (M = B), or of that of each caption (M = N).
        ids_A: Their ids in the vocabulary.
    """

    logits_MA: Tensor
    ids_A: Tensor


class PredictedWords(nn.Module):
    """The likeliest words of an image, as further places of the memory (Wu et al. 2016; You et al. 2016).

    A word's place is an embedding of it, times its probability, through which the captions' words train the prediction,
    too; what it is trained by is the loss term of the same name (`lightning_modules.losses.PredictedWordsTerm`).

    Args:
        width: Features D of a position.
        memory_dim: Width W of a place of the memory.
        word_ids: Ids of words that name something, in the order of their frequency.
        num_words: The first of these, A of them, can be predicted; or all if there are fewer.
        num_places: K, at most.
        dropout: Share of the pooled features that is set to zero in training.
        word_dropout: Share of the words that are hidden in training.

    Raises:
        ValueError: There is no word, or no place.
    """

    ids_A: Tensor

    def __init__(
        self,
        *,
        width: int,
        memory_dim: int,
        word_ids: Sequence[int],
        num_words: int = 1000,
        num_places: int = 10,
        dropout: float = 0.3,
        word_dropout: float = 0.2,
    ) -> None:
        super().__init__()
        for name, number in (("num_words", num_words), ("num_places", num_places)):
            require(number >= 1, f"model.memory.{name}", "at least 1", number)
        if not word_ids:
            raise ValueError(
                "model/memory=predicted_words: the vocabulary has no word that names a thing; choose model/memory=none"
            )
        predicted = [*word_ids[:num_words]]
        self.num_places = min(num_places, len(predicted))
        self.register_buffer("ids_A", torch.tensor(predicted), persistent=False)
        self.dropout = Dropout(dropout)
        self.word_dropout = WordDropout(word_dropout)
        self.words = nn.Linear(2 * width, len(predicted))
        self.embedding = nn.Embedding(len(predicted), memory_dim)
        nn.init.constant_(self.words.bias, INITIAL_LOG_ODDS)

    def forward(self, features_BPD: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-odds of all words, `logits_BA`, and the places of the likeliest, `memory_BKW`.

        Args:
            features_BPD: Normalised features, without dropout.
        """
        pooled_BX = torch.cat([features_BPD.mean(dim=1), features_BPD.amax(dim=1)], dim=-1)
        logits_BA = self.words(self.dropout(pooled_BX)).float()
        likeliest_BK = logits_BA.sigmoid().topk(self.num_places, dim=1)
        memory_BKW = self.embedding(likeliest_BK.indices) * likeliest_BK.values.unsqueeze(-1)
        return logits_BA, self.word_dropout(memory_BKW)
