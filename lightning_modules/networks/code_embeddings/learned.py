from torch import Tensor, nn

from lightning_modules.networks.code_embeddings.code_embedding import CodeEmbedding


class LearnedCodes(CodeEmbedding):
    """A learned vector for each code, as DALL-E has; what the discrete VAE knows of the codes is not used."""

    def __init__(self, *, num_codes: int, code_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(num_codes, hidden_size)

    def forward(self, vectors_KE: Tensor) -> Tensor:
        return self.table.weight
