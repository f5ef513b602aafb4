"""Word embeddings.

Contract: an `nn.Embedding`; one that starts from published vectors also has `load_vectors(words)`.
"""

from lightning_modules.networks.embeddings.word_embedding import WordEmbedding

__all__ = ["WordEmbedding"]
