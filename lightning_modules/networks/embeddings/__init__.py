"""Word embeddings.

Contract: `WordEmbedding`.
"""

from lightning_modules.networks.embeddings.word_embedding import WordEmbedding

__all__ = ["WordEmbedding"]
