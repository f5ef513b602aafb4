"""Word embeddings that are learned, or start from published vectors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.networks.embeddings.embedding import Embedding
from lightning_modules.networks.embeddings.word_vectors import WordVectors, read_word_vectors


class WordEmbedding(nn.Embedding, Embedding):
    """A vector for each word of the vocabulary.

    Args:
        vocab_size: Number of words.
        embedding_dim: Width of the vectors.
        pad_id: The padding id; its vector is zero and stays so.
        vectors: A GloVe or word2vec file to start from; None to start at random. Words that the file lacks start
            from a normal distribution with the mean and standard deviation of the vectors found.
    """

    def __init__(self, *, vocab_size: int, pad_id: int, embedding_dim: int = 256, vectors: str | None = None) -> None:
        super().__init__(vocab_size, embedding_dim, padding_idx=pad_id)
        self.vectors = vectors

    def load_vectors(self, words: Sequence[str]) -> WordVectors | None:
        """Read the vectors of words from the file; return what was found, None without a file.

        Args:
            words: The word that each id stands for; "" for those that are only part of words, which start at random.

        Raises:
            ValueError: The file cannot be read, holds none of the words, or its vectors have another width.
        """
        if self.vectors is None:
            return None
        found = read_word_vectors(self.vectors, words)
        if len(found.ids) == 0:
            raise ValueError(
                f"model.embedding.vectors={self.vectors} holds no word of the vocabulary; name vectors of the "
                f"captions' language"
            )
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

    def mix(self, weights_NLV: Tensor) -> Tensor:
        """Return the mean vector of words that are weighed, [N, L, embedding_dim]; padding counts as zero."""
        assert self.padding_idx is not None
        padding_1 = torch.tensor([self.padding_idx], device=self.weight.device)
        vectors = self.weight.index_fill(0, padding_1, 0.0)  # so that its vector gets no gradient here, either
        return weights_NLV.to(vectors.dtype) @ vectors
