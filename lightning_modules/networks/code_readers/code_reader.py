"""Shape legend: B images, P positions of the grid of codes, H width of the transformer, h rows, w columns."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn


class CodeReader(nn.Module, ABC):
    """Reads the grid of codes of an image that captions are generated from, before the transformer does.

    Nothing of such an image is predicted, so that any position may know of all others. Images that are drawn are not
    read by it.

    Its constructor takes `hidden_size` (H), `grid_size` (rows and columns) and `image_size` (of the images in pixels),
    and the keys of its YAML.
    """

    @abstractmethod
    def forward(self, x_BPH: Tensor, decoded: Callable[[], Tensor]) -> Tensor:
        """Return what the transformer reads at each position: [B, P, H].

        Args:
            x_BPH: The vectors of the codes.
            decoded: Returns the images of the codes, [B, 3, h, w] in [0, 1].
        """

    def load_pretrained(self) -> None:
        """Read published weights, where the reader was told of some; for the start of a training run."""
        return
