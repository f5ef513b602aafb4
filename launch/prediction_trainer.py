"""The trainer that `evaluate.py` generates captions with."""

import logging
import warnings

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig

from callbacks import ProgressBar
from launch.devices import end_with_first_process, is_sharded, refuse_lost_devices
from launch.trainer import refuse_lonely_node, refuse_other_precision
from utils.devices import keep_freed_memory
from utils.lightning_internals import keep_naming_killed_workers, launcher_of_forks

warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # Lightning's own use of PyTorch


def build_prediction_trainer(config: DictConfig) -> pl.Trainer:
    """Return a trainer that generates captions, and shows how many batches a second, and keeps and logs nothing.

    Raises:
        ValueError: A setting is out of its range, or its processes could not hand over what they generate.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # the report says where it was generated
    settings = config.trainer
    refuse_other_precision(settings.precision)
    shows_progress = settings.get("enable_progress_bar") is not False
    keep_naming_killed_workers()
    trainer: pl.Trainer = instantiate(
        settings,
        callbacks=[ProgressBar(refresh_rate=1)] if shows_progress else [],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,  # each process takes whole batches in turn
    )
    if launcher_of_forks(trainer) is not None or is_sharded(trainer):
        raise ValueError(
            f"trainer.strategy={settings.strategy}: expected a strategy that starts this script on each device, with "
            f"the whole model on each; set trainer.strategy=auto or ddp"
        )
    refuse_lonely_node(trainer)
    refuse_lost_devices(trainer, can_spawn=False)
    end_with_first_process(trainer)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    return trainer
