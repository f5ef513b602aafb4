"""Shape legend: B images, P positions of the grid of codes, H width of the transformer, D features of the encoder."""

from collections.abc import Callable

from torch import Tensor, nn

from lightning_modules.networks.code_readers.code_reader import CodeReader
from lightning_modules.networks.encoders import Encoder


class DecodedReader(CodeReader):
    """An encoder of images, which sees the images that the codes are decoded to; its features are added to the vectors.

    What a grid of codes shows is plain in the pixels that the discrete VAE makes of it, and an encoder learns to see
    there as fast as it does in photographs. It costs the time of the decoder and of the encoder.

    Args:
        hidden_size: H.
        grid_size: Rows and columns of the grid.
        image_size: Height and width of the images in pixels.
        encoder: Makes the encoder for images of that size; its grid has to be that of the codes.

    Raises:
        ValueError: It has another grid.
    """

    def __init__(
        self, *, hidden_size: int, grid_size: tuple[int, int], image_size: int, encoder: Callable[..., Encoder]
    ) -> None:
        super().__init__()
        self.encoder = encoder(image_size=image_size)
        if self.encoder.grid != grid_size:
            raise ValueError(
                f"model.code_reader.encoder has a grid of {self.encoder.positions} positions, and the codes have "
                f"{grid_size[0]}×{grid_size[1]}; choose another num_layers or encoder"
            )
        self.norm = nn.Identity() if self.encoder.memory_dim is None else nn.LayerNorm(self.encoder.width)
        self.projection = nn.Linear(self.encoder.width, hidden_size)

    def load_pretrained(self) -> None:
        self.encoder.load_pretrained()

    def forward(self, x_BPH: Tensor, decoded: Callable[[], Tensor]) -> Tensor:
        pixels_BCHW = (255 * decoded()).round().byte()
        return x_BPH + self.projection(self.norm(self.encoder(pixels_BCHW)))
