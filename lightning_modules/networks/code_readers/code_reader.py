"""Shape legend: B images, P positions of the grid of codes, H width of the transformer."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class CodeReader(nn.Module, ABC):
    """Reads the grid of codes of an image that captions are generated from, before the transformer does.

    Nothing of such an image is predicted, so that any position may know of all others. Images that are drawn are not
    read by it.

    Its constructor takes `hidden_size` (H) and `grid_size` (rows and columns), and the keys of its YAML.
    """

    @abstractmethod
    def forward(self, x_BPH: Tensor) -> Tensor:
        """Return what the transformer reads at each position instead of the vectors of the codes: [B, P, H]."""
