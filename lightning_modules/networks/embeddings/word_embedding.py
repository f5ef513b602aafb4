"""Word embeddings that are learned, or start from published vectors."""

from collections.abc import Sequence

import torch
from torch import nn

from lightning_modules.networks.embeddings.word_vectors import WordVectors, read_word_vectors


class WordEmbedding(nn.Embedding):
    """A vector for each word of the vocabulary.

    Args:
        vocab_size: Number of words.
        embedding_dim: Width of the vectors.
        pad_id: The padding id; its vector is zero and stays so.
        vectors: A GloVe or word2vec file to start from; None to start at random. Words that the file lacks start
            from a normal distribution with the mean and standard deviation of the vectors found.
    """

    def __init__(self, *, vocab_size: int, pad_id: int, embedding_dim: int = 512, vectors: str | None = None) -> None:
        super().__init__(vocab_size, embedding_dim, padding_idx=pad_id)
        self.vectors = vectors

    def load_vectors(self, words: Sequence[str]) -> WordVectors | None:
        """Read the vectors of `words` (by id) from the file; return what was found, None without a file.

        Raises:
            ValueError: The file cannot be read, holds none of the words, or its vectors have another width.
        """
        if self.vectors is None:
            return None
        found = read_word_vectors(self.vectors, words)
        if len(found.ids) == 0:
            raise ValueError(f"model.embedding.vectors={self.vectors} holds no word of the vocabulary")
        if found.vectors.shape[1] != self.embedding_dim:
            raise ValueError(
                f"model.embedding.vectors={self.vectors} holds vectors of width {found.vectors.shape[1]}; "
                f"set model.embedding.embedding_dim={found.vectors.shape[1]} (got {self.embedding_dim})"
            )
        with torch.no_grad():
            self.weight.normal_(found.vectors.mean().item(), found.vectors.std().item())
            self.weight[found.ids] = found.vectors
            self.weight[self.padding_idx] = 0
        return found
