"""Word embeddings: token ids become vectors. Contract: `Embedding`."""

from lightning_modules.networks.embeddings.embedding import Embedding
from lightning_modules.networks.embeddings.word_embedding import WordEmbedding

__all__ = ["Embedding", "WordEmbedding"]
