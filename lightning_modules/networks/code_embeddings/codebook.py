from torch import Tensor, nn

from lightning_modules.networks.code_embeddings.code_embedding import CodeEmbedding


class CodebookCodes(CodeEmbedding):
    """A linear map of the discrete VAE's own vectors, and a learned vector for each code that starts at zero.

    Codes that look alike start alike, so that not each of a thousand has to be learned by itself.
    """

    def __init__(self, *, num_codes: int, code_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(code_dim, hidden_size)
        self.table = nn.Embedding(num_codes, hidden_size)
        nn.init.normal_(self.projection.weight, std=code_dim**-0.5)
        nn.init.zeros_(self.table.weight)

    def forward(self, vectors_KE: Tensor) -> Tensor:
        # A VAE's vectors have any scale
        standardised_KE = (vectors_KE - vectors_KE.mean()) / vectors_KE.std().clamp(min=1e-6)
        table_KH: Tensor = self.projection(standardised_KE) + self.table.weight
        return table_KH
