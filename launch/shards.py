"""The job of `write_shards.py`."""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.shards.writing import write_shards
from launch.setting_types import refuse_wrong_settings


def write(config: DictConfig) -> None:
    """Write all splits of the data as shards, and tell what was written.

    Raises:
        ValueError: A setting is wrong, data cannot be used, or the folder holds other shards.
    """
    refuse_wrong_settings(config)
    datamodule: CaptionDataModule = instantiate(config.data)
    datamodule.prepare_data()
    splits = datamodule.load_splits()
    folder = Path(config.out)
    num_shards = write_shards(splits, folder, images_per_shard=config.images_per_shard)
    for name, split in splits.items():
        print(f"{folder}/{name}-*.tar: {len(split.image_ids):,} images in {num_shards[name]:,} shards")
