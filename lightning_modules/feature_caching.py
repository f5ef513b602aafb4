"""Lets a captioner with a frozen encoder train from features that were computed once."""

import hashlib
import json
from collections.abc import Callable

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.feature_cache import FeatureSource
from lightning_modules.assembly import Config
from lightning_modules.networks.encoders import Encoder


def encoder_fingerprint(encoder: Encoder, settings: Config, image_size: int) -> str:
    """Return a checksum of all that an encoder's features of an image depend on.

    Args:
        encoder: The encoder.
        settings: What it was built of.
        image_size: Height and width of the images in pixels.
    """
    shape = {name: value for name, value in settings.items() if name != "weights"}  # not where they were read from
    checksum = hashlib.sha256(json.dumps([shape, image_size], sort_keys=True, default=str).encode())
    for tensor in encoder.state_dict().values():  # as bytes: NumPy knows no bfloat16
        checksum.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return checksum.hexdigest()


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
    source = FeatureSource(encode=encode, fingerprint=fingerprint, positions=encoder.positions, width=encoder.width)
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
