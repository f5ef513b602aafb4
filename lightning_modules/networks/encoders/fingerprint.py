"""What tells one encoder's features of an image from another's."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.networks.encoders.encoder import Encoder
from utils.cache_key import cache_key

ELSEWHERE = ("weights", "frozen", "memory_dim")  # settings of where weights were read from, of training and of latents


def encoder_fingerprint(encoder: Encoder, settings: Mapping[str, Any], image_size: int) -> str:
    """Return a checksum of all that an encoder's features of an image depend on.

    Args:
        encoder: The encoder.
        settings: What it was built of.
        image_size: Height and width of the images in pixels.
    """
    shape = {name: value for name, value in settings.items() if name not in ELSEWHERE}
    # all buffers: how pixels are scaled is in no checkpoint
    tensors = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    return cache_key(settings=shape, image_size=image_size, tensors=tensors)
