"""The `dall_e` package in small, with random weights: what our networks and reader are held against."""

from copy import deepcopy
from functools import cache
from typing import Any

import dall_e
import torch
from torch import Tensor

from lightning_modules.networks.openai_dvae import OpenAIDiscreteVAE

NUM_CODES = 512  # the package allows no fewer, and no smaller hidden size
SIZES = {"hidden_size": 64, "code_dim": 16, "num_codes": NUM_CODES}
IMAGE_SIZE = 40  # five rows and columns of codes: no power of two


def published_pair() -> tuple[Any, Any]:
    """Return an encoder and a decoder of the package, of which a test may change what it likes."""
    return deepcopy(_pair())


@cache
@torch.no_grad()
def _pair() -> tuple[Any, Any]:
    """Biases, which start at zero, are random as well, and weights are larger, so that codes and colours differ."""
    torch.manual_seed(3)
    encoder = dall_e.Encoder(n_hid=64, vocab_size=NUM_CODES)
    decoder = dall_e.Decoder(n_hid=64, n_init=16, vocab_size=NUM_CODES)
    for network in (encoder, decoder):
        for name, parameter in network.named_parameters():
            if name.endswith(".b"):
                parameter.normal_(std=0.1)
            elif ".res_path." in name:
                parameter.mul_(3)
    decoder.blocks.output.conv.w.mul_(5)
    return encoder, decoder


def small_vae(weights: str | None = None, *, device: str = "cpu") -> OpenAIDiscreteVAE:
    """Return ours of the same size, with weights of its own."""
    torch.manual_seed(4)
    with torch.device(device):
        return OpenAIDiscreteVAE(image_size=IMAGE_SIZE, weights=weights, **SIZES)


def weights_of(encoder: Any, decoder: Any) -> dict[str, Tensor]:
    """Return the pair's weights by the names of `OpenAIDiscreteVAE`."""
    parts = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
    return {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
