"""What a model offers that draws images of captions.

Shape legend: B images, R drawings, P positions of the grid of codes, Q of them that are given, D features of a
position, C channels, H rows, W columns.
"""

from collections.abc import Sequence

from torch import Tensor

from lightning_modules.generation import Drawing
from lightning_modules.results.drawn import Drawn
from utils.seeding import Generators


class Drawer:
    """The part of a `CaptioningModule` that draws; of one that cannot, only `can_draw` is to be asked.

    `draw` makes images of captions, `codes_of` tells the codes of images, and `features_of_codes` makes of codes what
    captions are generated of, so that drawings can be captioned and ranked. Each says more in its own docstring.

    Attributes:
        can_draw: Whether the methods work.
        num_codes: How many codes there are.
        code_grid: Rows and columns of the codes of an image.
    """

    can_draw: bool = False

    @property
    def num_codes(self) -> int:
        """How many codes there are.

        Raises:
            ValueError: The model cannot draw.
        """
        raise self._cannot()

    @property
    def code_grid(self) -> tuple[int, int]:
        """Rows and columns of the codes of an image.

        Raises:
            ValueError: The model cannot draw.
        """
        raise self._cannot()

    def draw(
        self,
        captions: Sequence[str],
        drawing: Drawing | None = None,
        *,
        given_RQ: Tensor | None = None,
        generators: Generators | None = None,
    ) -> Drawn:
        """Draw an image of each caption; one that comes again is read once.

        Args:
            captions: As training sees them: unknown words are `<unk>`, and those that are too long are cut.
            drawing: How; greedily by default.
            given_RQ: The first codes of each image, row by row of the grid; None for none.
            generators: Where random numbers come from, one for each image, so that it does not depend on the others;
                None for PyTorch's own.

        Raises:
            ValueError: The model cannot draw.
        """
        raise self._cannot()

    def codes_of(self, images_BCHW: Tensor) -> Tensor:
        """Return the codes of images (`uint8`, of the model's size), row by row: [B, P].

        Raises:
            ValueError: The model cannot draw.
        """
        raise self._cannot()

    def features_of_codes(self, codes_BP: Tensor) -> Tensor:
        """Return `features_BPD` of images that are known by their codes, as `encode` gives them.

        Raises:
            ValueError: The model cannot draw.
        """
        raise self._cannot()

    def _cannot(self) -> ValueError:
        return ValueError(f"{type(self).__name__} cannot draw images of captions; train a model that can, model=dalle")
