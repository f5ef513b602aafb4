"""What tells one encoder's features of an image from another's."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.networks.encoders.encoder import Encoder
from utils.cache_key import cache_key

ELSEWHERE = (  # settings of where weights were read from, of training and of latents
    *("weights", "frozen", "memory_dim"),
    *("trainable_after", "trainable_rate", "trainable_decay"),
)


def encoder_fingerprint(
    encoder: Encoder, settings: Mapping[str, Any], image_size: int, *, fixed_part: bool = False
) -> str:
    """Return a checksum of all that an encoder's features of an image depend on.

    Args:
        encoder: The encoder.
        settings: What it was built of.
        image_size: Height and width of the images in pixels.
        fixed_part: Whether it is of what its `fixed_part` returns alone.
    """
    shape = {name: value for name, value in settings.items() if name not in ELSEWHERE}
    # all buffers: how pixels are scaled is in no checkpoint
    tensors = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    if fixed_part:
        tensors = {name: tensor for name, tensor in tensors.items() if name not in encoder.trained_names}
    return cache_key(settings=shape, image_size=image_size, tensors=tensors)
