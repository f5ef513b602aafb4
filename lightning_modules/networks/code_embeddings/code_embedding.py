"""Shape legend: K codes, E width of a code's vector in the discrete VAE, H width of the transformer."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class CodeEmbedding(nn.Module, ABC):
    """The vectors by which a transformer reads the codes of a discrete VAE.

    Its constructor takes `num_codes` (K), `code_dim` (E) and `hidden_size` (H).
    """

    @abstractmethod
    def forward(self, vectors_KE: Tensor) -> Tensor:
        """Return the vector of each code, `table_KH`, given those that the discrete VAE's decoder reads."""
