"""Shape legend: N captions, L tokens, E embedding, V vocabulary."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.networks.embeddings.word_vectors import WordVectors


class Embedding(nn.Module, ABC):
    """From token ids to vectors.

    Its constructor takes `vocab_size` and `pad_id`, and the keys of its YAML.

    Attributes:
        embedding_dim: E.
        padding_idx: The id of padding, whose vector is zero.
    """

    embedding_dim: int
    padding_idx: int | None

    @abstractmethod
    def forward(self, tokens_NL: Tensor) -> Tensor:
        """Return `words_NLE` of token ids."""

    @abstractmethod
    def mix(self, weights_NLV: Tensor) -> Tensor:
        """Return the mean vectors of weighted words, `words_NLE`; padding counts as zero."""

    def load_vectors(self, words: Sequence[str]) -> WordVectors | None:
        """Read published vectors of the words that ids stand for; return what was found, None without a file."""
        return None
