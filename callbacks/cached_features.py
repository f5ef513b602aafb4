"""Lets a model whose encoder, or a first part of it, is frozen train from what that was computed once of each image."""

from collections.abc import Sequence
from importlib import metadata

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.feature_cache import FeatureCache, FeatureSource
from lightning_modules import CaptioningModule
from utils.cache_key import cache_key


class CachedFeatures(Callback):
    """Before training, fills the feature caches of all splits where the data asks for it (`data.cache_features`).

    Each process computes its share. From then on the data bring features, and images only if the model reconstructs
    them.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is None or not datamodule.cache_features:
            return
        if not isinstance(pl_module, CaptioningModule):
            raise ValueError(
                f"data.cache_features=true is for models that caption images, and {type(pl_module).__name__} does not; "
                f"leave it out"
            )
        caches = datamodule.feature_caches(features_of(pl_module, trainer.strategy.root_device))
        fill_together([cache for of_views in caches.values() for cache in of_views], trainer)
        datamodule.use_features(caches, with_images=pl_module.can_reconstruct)


def features_of(module: CaptioningModule, device: torch.device) -> FeatureSource:
    """Return what computes the features of a model's images.

    Raises:
        ValueError: It has none that training leaves as they are.
    """
    if module.fixed_features is None:
        raise ValueError(
            "data.cache_features=true needs an encoder that training leaves as it is, or a first part of one; "
            "choose model=timm with model.encoder.frozen=true, or leave it out"
        )
    return FeatureSource(
        encode=lambda images_BCHW: module.encode_fixed(images_BCHW.to(module.device)),
        fingerprint=features_key(module.fixed_fingerprint, module.features_code, device),
        **module.fixed_features._asdict(),
    )


def fill_together(caches: Sequence[FeatureCache], trainer: Trainer) -> None:
    """Let each process compute its share of all features."""
    if trainer.local_rank == 0:
        for cache in caches:
            cache.create()
    trainer.strategy.barrier("features created")
    for cache in caches:
        cache.fill(rank=trainer.global_rank, num_processes=trainer.world_size)
    trainer.strategy.barrier("features filled")
    if trainer.local_rank == 0:  # on several hosts each may have a disk of its own
        for cache in caches:
            cache.fill()
    trainer.strategy.barrier("features checked")


def features_key(fingerprint: str, code: str, device: torch.device) -> str:
    """Return a checksum of all that features depend on beside the images: the encoder, its code, and the machine.

    Args:
        fingerprint: Of the encoder's weights and settings (`CaptioningModule.fixed_fingerprint`).
        code: Of its source code (`CaptioningModule.features_code`).
        device: Where it runs.
    """
    return cache_key(
        encoder=fingerprint,
        code=code,
        libraries=[metadata.version("timm"), torch.__version__],
        device=device.type,
        precision=[torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32],
    )
