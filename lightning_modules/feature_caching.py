"""Lets a captioner with a frozen encoder train from features that were computed once."""

from collections.abc import Callable

import timm
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.feature_cache import FeatureSource
from lightning_modules.build import Config
from lightning_modules.networks.encoders import Encoder
from utils.cache_key import cache_key, sources_of


def encoder_fingerprint(encoder: Encoder, settings: Config, image_size: int) -> str:
    """Return a checksum of all that an encoder's features of an image depend on.

    Args:
        encoder: The encoder.
        settings: What it was built of.
        image_size: Height and width of the images in pixels.
    """
    shape = {name: value for name, value in settings.items() if name != "weights"}  # not where they were read from
    # all buffers: how pixels are scaled is in no checkpoint
    tensors = {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}
    return cache_key(settings=shape, image_size=image_size, tensors=tensors)


def features_fingerprint(encoder: Encoder, fingerprint: str, device: torch.device) -> str:
    """Return a checksum of all that features depend on beside the images: the encoder, its code, and the machine.

    Args:
        encoder: The encoder.
        fingerprint: See `encoder_fingerprint`.
        device: Where it runs.
    """
    return cache_key(
        encoder=fingerprint,
        code=sources_of(type(encoder).__module__),
        libraries=[timm.__version__, torch.__version__],
        device=device.type,
        precision=[torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32],
    )


def cache_features(
    trainer: Trainer,
    datamodule: CaptionDataModule,
    encoder: Encoder,
    *,
    encode: Callable[[Tensor], Tensor],
    fingerprint: str,
    with_images: bool,
) -> None:
    """Fill the caches of all splits, each process its share, and let the data bring features from then on.

    Args:
        trainer: Knows the processes.
        datamodule: The data.
        encoder: The encoder.
        encode: Runs it, wherever it is.
        fingerprint: See `encoder_fingerprint`.
        with_images: Whether the images themselves are needed, too.

    Raises:
        ValueError: The encoder is trained, so that its features change.
    """
    if not encoder.frozen:
        raise ValueError(
            "data.cache_features=true needs an encoder that training leaves as it is; choose model=timm with "
            "model.encoder.frozen=true, or leave it out"
        )
    of_machine = features_fingerprint(encoder, fingerprint, trainer.strategy.root_device)
    source = FeatureSource(encode=encode, fingerprint=of_machine, positions=encoder.positions, width=encoder.width)
    caches = datamodule.feature_caches(source)
    every_cache = [cache for of_views in caches.values() for cache in of_views]
    if trainer.local_rank == 0:
        for cache in every_cache:
            cache.create()
    trainer.strategy.barrier("features created")
    for cache in every_cache:
        cache.fill(rank=trainer.global_rank, num_processes=trainer.world_size)
    trainer.strategy.barrier("features filled")
    if trainer.local_rank == 0:  # on several hosts each may have a disk of its own
        for cache in every_cache:
            cache.fill()
    trainer.strategy.barrier("features checked")
    datamodule.use_features(caches, with_images=with_images)
