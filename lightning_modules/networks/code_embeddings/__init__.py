"""Code embeddings: by which vectors a transformer reads codes. Contract: `CodeEmbedding`."""

from lightning_modules.networks.code_embeddings.code_embedding import CodeEmbedding
from lightning_modules.networks.code_embeddings.codebook import CodebookCodes
from lightning_modules.networks.code_embeddings.learned import LearnedCodes

__all__ = ["CodeEmbedding", "CodebookCodes", "LearnedCodes"]
