"""The discrete VAE on one screen: images to codes and back.

    images ─► encoder ─► features ─► quantizer ─► codes, vectors ─► grid decoder ─► images
                                                           └─► feature decoder ─► features (by option)

Shape legend: B images, C channels, H rows, W columns, P positions of the grid, D features, E width of a code's vector,
X numbers of a pixel.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from lightning_modules.networks.encoders import Encoder
from lightning_modules.networks.grid_decoders import GridDecoder
from lightning_modules.networks.grid_decoders.pixel_outputs import PixelOutput
from lightning_modules.networks.openai_dvae import OpenAIDiscreteVAE
from lightning_modules.networks.quantizers import Quantized, Quantizer, refuse_other_codes
from utils.seeding import Generators


class DiscreteVAEOutput(NamedTuple):
    """What a pass through the whole network computes.

    Attributes:
        quantized: Codes, their vectors, and the quantizer's cost.
        outputs_BXHW: Of the grid decoder (see `PixelOutput`).
        decoded_BPD: Of the feature decoder; None without.
        features_BPD: Its targets, the encoder's features with mean 0 and variance 1 at each position; None without.
    """

    quantized: Quantized
    outputs_BXHW: Tensor
    decoded_BPD: Tensor | None = None
    features_BPD: Tensor | None = None


class DiscreteVAE(nn.Module):
    """Turns images into codes of a grid, and codes into images.

    Args:
        encoder: Image to a grid of features.
        quantizer: Features to codes and vectors.
        decoder_image: Vectors to an image.
        pixels: What the decoder's outputs mean.
        decodes_features: Whether the vectors are decoded to the encoder's features, too, by a linear map, so that codes
            can be trained to keep what the features tell, and not just what is seen in the pixels (as in BEiT v2; Peng
            et al. 2022).

    Attributes:
        image_size: Height and width of the images in pixels.
        grid_size: Rows and columns of the grid of codes, the codes of a position one after the other in its row.
        codes_per_position: How many codes a position has.
        num_codes: How many codes there are.
        code_dim: Width of a code's vector.

    Raises:
        ValueError: Features are decoded, and the encoder is trained: they would be whatever is decoded most easily.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        quantizer: Quantizer,
        decoder_image: GridDecoder,
        pixels: PixelOutput,
        image_size: int,
        grid_size: tuple[int, int],
        decodes_features: bool = False,
    ) -> None:
        super().__init__()
        if decodes_features and not encoder.frozen:
            raise ValueError(
                "model.loss.features_weight is for a frozen encoder, whose features stay as they are; set "
                "model.encoder.frozen=true, or features_weight=0"
            )
        self.encoder = encoder
        # features of any scale, such as those of a published backbone, are brought to one
        self.norm = nn.Identity() if encoder.memory_dim is None else nn.LayerNorm(encoder.width)
        self.quantizer = quantizer
        self.decoder_image = decoder_image
        self.feature_decoder = nn.Linear(quantizer.code_dim, encoder.width) if decodes_features else None
        self.pixels = pixels
        self.image_size = image_size
        self.grid_size = (grid_size[0], grid_size[1] * quantizer.codes_per_position)
        self.codes_per_position = quantizer.codes_per_position
        self.num_codes = quantizer.num_codes
        self.code_dim = quantizer.code_dim

    def forward(self, images_BCHW: Tensor, step: int) -> DiscreteVAEOutput:
        """Encode, quantize and decode `uint8` images; in training as the quantizer does at training step `step`."""
        encoded_BPD = self.encoder(images_BCHW)
        quantized = self.quantizer(self.norm(encoded_BPD), step)
        outputs_BXHW = self.decoder_image(quantized.vectors_BPE)
        if self.feature_decoder is None:
            return DiscreteVAEOutput(quantized, outputs_BXHW)
        decoded_BPD = self.feature_decoder(quantized.vectors_BPE)
        return DiscreteVAEOutput(quantized, outputs_BXHW, decoded_BPD, layer_norm(encoded_BPD, encoded_BPD.shape[2:]))

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of `uint8` images: what the quantizer reads."""
        return self.norm(self.encoder(images_BCHW))

    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return `codes_BP` of `uint8` images, row by row; without noise, in training, too."""
        return self.quantizer.codes(self.features(images_BCHW).float())

    def vectors(self, codes_BP: Tensor) -> Tensor:
        """Return `vectors_BPE` of codes."""
        return self.quantizer.vectors(codes_BP)

    def code_vectors(self) -> Tensor:
        """Return the vector of each code, `vectors_KE`."""
        return self.quantizer.code_vectors()

    def decode(self, codes_BP: Tensor) -> Tensor:
        """Return the images of codes: [B, 3, H, W], in [0, 1]."""
        return self.pixels.images(self.decoder_image(self.vectors(codes_BP)))

    def relaxed_images(self, images_BCHW: Tensor, step: int, generators: Generators | None = None) -> Tensor | None:
        """Return images as training step `step` reconstructs them, in [0, 1]; None where that is as `decode` does.

        Args:
            images_BCHW: The images, `uint8`.
            step: The training step.
            generators: Where the noise of each image comes from; None for PyTorch's own.
        """
        vectors_BPE = self.quantizer.relaxed(self.features(images_BCHW).float(), step, generators)
        return None if vectors_BPE is None else self.pixels.images(self.decoder_image(vectors_BPE))


CodeNetwork = DiscreteVAE | OpenAIDiscreteVAE
"""What turns images into codes, and codes into images."""


class FrozenDiscreteVAE(nn.Module):
    """A trained discrete VAE within another model, which leaves it as it is: what a transformer of codes is built on.

    Its weights have no gradients, and it stays in evaluation mode.

    Args:
        network: The discrete VAE.

    Attributes:
        image_size: Height and width of its images in pixels.
        grid_size: Rows and columns of the grid of codes.
        codes_per_position: How many codes a position has.
        num_codes: How many codes there are.
        code_dim: Width of a code's vector.
    """

    def __init__(self, network: CodeNetwork) -> None:
        super().__init__()
        if isinstance(network, DiscreteVAE):
            network.feature_decoder = None  # for its own training alone
        self.network = network.requires_grad_(False)
        self.image_size = network.image_size
        self.grid_size = network.grid_size
        self.codes_per_position = network.codes_per_position
        self.num_codes = network.num_codes
        self.code_dim = network.code_dim
        self.train()

    @property
    def positions(self) -> tuple[int, int]:
        """Return the rows and columns of positions, each of which has `codes_per_position` codes."""
        rows, columns = self.grid_size
        return rows, columns // self.codes_per_position

    def train(self, mode: bool = True) -> Self:
        """Set training mode, in which it changes nothing."""
        super().train(mode)
        self.network.eval()
        return self

    @torch.no_grad()
    def codes(self, images_BCHW: Tensor) -> Tensor:
        """Return `codes_BP` of `uint8` images of `image_size` pixels, row by row.

        Raises:
            ValueError: The images have another size.
        """
        if images_BCHW.shape[-2:] != (self.image_size, self.image_size):
            height, width = images_BCHW.shape[-2:]
            raise ValueError(
                f"the discrete VAE was trained on images of {self.image_size}×{self.image_size} pixels, got "
                f"{height}×{width}; set data.image_size={self.image_size}"
            )
        with torch.autocast(images_BCHW.device.type, enabled=False):  # codes of training are those of use
            return self.network.encode(images_BCHW)

    @torch.no_grad()
    def vectors(self, codes_BP: Tensor) -> Tensor:
        """Return `vectors_BPE` of codes."""
        return self.network.vectors(codes_BP)

    @torch.no_grad()
    def code_vectors(self) -> Tensor:
        """Return the vector of each code, `vectors_KE`."""
        return self.network.code_vectors()

    @torch.no_grad()
    def decode(self, codes_BP: Tensor) -> Tensor:
        """Return the images of codes: [B, 3, H, W], in [0, 1].

        Raises:
            ValueError: They are codes of another grid, or of another discrete VAE.
        """
        refuse_other_codes(codes_BP, self.grid_size, self.num_codes)
        return self.network.decode(codes_BP)
