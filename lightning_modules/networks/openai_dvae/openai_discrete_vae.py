"""Shape legend: B images, C channels, H rows, W columns, P = positions of the code grid, E width of a code's vector."""

from pathlib import Path

import torch
from torch import Tensor, nn

from lightning_modules.networks.grid_decoders.pixel_outputs import LogitLaplacePixels
from lightning_modules.networks.openai_dvae.decoder import OpenAIDecoder
from lightning_modules.networks.openai_dvae.encoder import OpenAIEncoder
from lightning_modules.networks.openai_dvae.weights import read_weights
from lightning_modules.networks.quantizers import refuse_other_codes


class OpenAIDiscreteVAE(nn.Module):
    """OpenAI's discrete VAE: an image of 8 h × 8 w pixels becomes h · w codes, and codes become an image.

    Frozen: it is used as it was published. With the default sizes its parameters have the names and shapes of the
    published ones, behind `encoder.` and `decoder.` (Ramesh et al. 2021, section 2.1 and appendix A).

    Args:
        image_size: Height and width of the images in pixels, a multiple of 8.
        weights: The safetensors file that `openai_weights` has written, for the start of a training run. None where the
            weights come from elsewhere: a checkpoint holds them, and needs no file.
        hidden_size: Channels at full resolution, a multiple of 4; the published network has 256.
        code_dim: E, the width of a code's vector.
        num_codes: K, the number of codes.
        blocks_per_group: Residual blocks of each of the four groups, in the encoder and in the decoder.

    Attributes:
        num_codes: K.
        code_dim: E.
        grid_size: Rows and columns of the code grid; P is their product.

    Raises:
        ValueError: A size is not allowed.
    """

    codes_per_position = 1

    def __init__(
        self,
        *,
        image_size: int,
        weights: str | None = None,
        hidden_size: int = 256,
        code_dim: int = 128,
        num_codes: int = 8192,
        blocks_per_group: int = 2,
    ) -> None:
        super().__init__()
        self.weights = weights
        self.image_size = image_size
        self.num_codes = num_codes
        self.code_dim = code_dim
        self.encoder = OpenAIEncoder(
            image_size=image_size, hidden_size=hidden_size, num_codes=num_codes, blocks_per_group=blocks_per_group
        )
        side = image_size // 8
        self.grid_size = (side, side)
        self.decoder = OpenAIDecoder(
            grid_size=self.grid_size,
            hidden_size=hidden_size,
            code_dim=code_dim,
            num_codes=num_codes,
            blocks_per_group=blocks_per_group,
        )

    def load_pretrained(self) -> None:
        """Read the published weights from the file that `weights` names; for the start of a training run.

        Raises:
            ValueError: None is named, it is not there, or it holds something else.
        """
        if self.weights is None:
            raise ValueError(
                "model.vae.weights=null: expected the safetensors file of OpenAI's discrete VAE, which "
                "python -m lightning_modules.networks.openai_dvae.openai_weights writes; name it"
            )
        self.load_state_dict(read_weights(Path(self.weights), like=self))

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return `codes_BP` of `uint8` images, row by row: the likeliest code of each position, without noise.

        Raises:
            ValueError: The images have another size than `image_size`.
        """
        return self.encoder.logits(self.encoder(images_BCHW)).argmax(dim=-1)

    def vectors(self, codes_BP: Tensor) -> Tensor:
        """Return `vectors_BPE` of codes, in float32."""
        return self.decoder.vectors(codes_BP)

    def code_vectors(self) -> Tensor:
        """Return the vector of each code, `vectors_KE`."""
        device = next(self.parameters()).device
        return self.vectors(torch.arange(self.num_codes, device=device).unsqueeze(0)).squeeze(0)

    @torch.no_grad()
    def decode(self, codes_BP: Tensor) -> Tensor:
        """Return `images_BCHW` in [0, 1] of codes.

        Raises:
            ValueError: They are codes of another grid, or of another VAE.
        """
        refuse_other_codes(codes_BP, self.grid_size, self.num_codes)
        return LogitLaplacePixels().images(self.decoder(self.vectors(codes_BP)))
