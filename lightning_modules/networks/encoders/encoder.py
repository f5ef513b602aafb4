import math
from abc import ABC, abstractmethod
from collections.abc import Set
from typing import Literal, NamedTuple

from torch import Tensor, nn


class FeatureShape(NamedTuple):
    """What is computed of one image, and kept: P positions of D features, or of a code each.

    Attributes:
        positions: P.
        width: D; 1 for codes.
        dtype: What they are kept as.
    """

    positions: int
    width: int
    dtype: Literal["float16", "int32", "int16"] = "float16"


class FineTuning(NamedTuple):
    """How the trained part of a published backbone is trained.

    Attributes:
        rate_factor: Its learning rate, as a multiple of the other parameters'.
        start_decay: Times that learning rate, the share of the way back to the weights that training started from which
            each step takes (L2-SP; Li, Grandvalet and Davoine 2018, equation 5, decoupled as AdamW's weight decay is).
        after_epochs: Epochs in which it is not trained yet.
    """

    rate_factor: float
    start_decay: float
    after_epochs: int


class Encoder(nn.Module, ABC):
    """From an image to a grid of features.

    Its constructor takes `image_size` (height and width of the images in pixels), and the keys of its YAML, which has
    `frozen` and `memory_dim`.

    Attributes:
        positions: P, the positions of the grid.
        width: D, the features of each position.
        frozen: Whether training leaves the encoder, and so its features of an image, as they are.
        memory_dim: For features of any scale, such as those of a published backbone: the latents normalise them, and
            project those that attention reads to this width. None leaves features as they are.
        fine_tuning: How the part behind the fixed one is trained, where there are both; None otherwise.
        trained_names: Names of the parameters and buffers that what `fixed_part` returns does not depend on.
    """

    positions: int
    width: int
    frozen: bool = False
    memory_dim: int | None = None
    fine_tuning: FineTuning | None = None
    trained_names: Set[str] = frozenset()

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the grid, equally many, for images are square. None where P is no square number.

        An encoder whose grid has another shape overrides it; attention cannot be laid over the image without.
        """
        side = math.isqrt(self.positions)
        return (side, side) if side * side == self.positions else None

    @property
    def fixed_shape(self) -> FeatureShape | None:
        """The shape of what `fixed_part` returns; None where training changes all of the encoder."""
        return FeatureShape(self.positions, self.width) if self.frozen else None

    def fixed_part(self, images_BCHW: Tensor) -> Tensor:
        """Return `fixed_BPD`, up to which training leaves the encoder as it is, so that it can be cached."""
        features_BPD: Tensor = self(images_BCHW)
        return features_BPD

    def trained_part(self, fixed_BPD: Tensor) -> Tensor:
        """Return `features_BPD` from what `fixed_part` returns."""
        return fixed_BPD

    def start_weights(self) -> list[tuple[nn.Parameter, Tensor]]:
        """Return the parameters of `fine_tuning`, each with the weights that its training started from."""
        return []

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of `uint8` images, position by position, row by row."""

    def load_pretrained(self) -> None:
        """Read published weights, where the encoder was told of some; for the start of a training run."""
