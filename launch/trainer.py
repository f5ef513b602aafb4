"""The settings under `trainer`: refused where Lightning would crash late, or do something else than they say."""

import logging
import os
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.accelerators import MPSAccelerator
from pytorch_lightning.callbacks import Checkpoint, LearningRateMonitor, ProgressBar
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.utilities import rank_zero_only

from callbacks import CachedFeatures, CaptionWeights
from utils.devices import native_bfloat16
from utils.lightning_internals import keep_naming_killed_workers

log = logging.getLogger(__name__)

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
LEAST: dict[str, float] = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "min_epochs": 0,
    "min_steps": 0,
    "num_sanity_val_steps": -1,
}
"""The least value of keys that Lightning takes whatever they are."""

ELSEWHERE = {
    "callbacks": "callbacks are those of the group `callbacks`: change them there (+callbacks.NAME._target_=…)",
    "logger": "the logger is that of the group `logger`: choose logger=none, or change it there (logger._target_=…)",
    "model_registry": "checkpoints are those of callbacks.checkpoint, which go to no registry",
}
BAREBONES = (
    "callbacks=none logger=none trainer.enable_progress_bar=false trainer.enable_model_summary=false "
    "trainer.log_every_n_steps=0 trainer.num_sanity_val_steps=0"
)


def build_trainer(config: DictConfig) -> pl.Trainer:
    """Return the trainer of a run, with the callbacks and the logger of its config.

    Without any callback that keeps checkpoints Lightning does not bring one of its own.

    `trainer.precision=auto` becomes what it stands for, in the config, too.

    Raises:
        ValueError: A setting is out of its range, or contradicts others.
    """
    settings = config.trainer
    choose_precision(settings)
    refuse_unusable(settings)
    parts: dict[str, Any] = {"callbacks": [*instantiate(config.callbacks).values()]}
    if config.data.get("cache_features"):
        parts["callbacks"].append(CachedFeatures())
    if (config.model.get("loss") or {}).get("weights"):
        parts["callbacks"].append(CaptionWeights())
    if settings.get("enable_progress_bar") is False:
        parts["callbacks"] = [part for part in parts["callbacks"] if not isinstance(part, ProgressBar)]
    if settings.get("enable_checkpointing") is False:
        parts["callbacks"] = [part for part in parts["callbacks"] if not isinstance(part, Checkpoint)]
    elif not any(isinstance(part, Checkpoint) for part in parts["callbacks"]):
        parts["enable_checkpointing"] = settings.get("enable_checkpointing") or False
    parts["logger"] = build_logger(config.logger)
    if not parts["logger"]:
        parts["callbacks"] = [part for part in parts["callbacks"] if not isinstance(part, LearningRateMonitor)]
    if settings.get("barebones") and (parts["callbacks"] or parts["logger"]):
        raise ValueError(f"trainer.barebones=true goes without all that is shown, measured or kept; add {BAREBONES}")
    keep_naming_killed_workers()
    trainer: pl.Trainer = instantiate(settings, **parts)
    refuse_other_precision(trainer.precision)  # that of a plugin
    refuse_lonely_node(trainer)
    if settings.get("sync_batchnorm") and trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
        raise ValueError("trainer.sync_batchnorm=true needs GPUs; leave it out: our own layers do that on any device")
    return trainer


def build_logger(settings: DictConfig) -> Any:
    """Return the logger of a run; False for none.

    Raises:
        ValueError: The package that it writes with is not installed.
    """
    try:
        logger = instantiate(settings) or False
    except InstantiationException as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        raise ValueError(
            f"logger._target_={settings._target_}: {error.__cause__}; install its package, or choose logger=csv"
        ) from error
    if isinstance(logger, WandbLogger):
        _finish_earlier_run()
    return logger


def _finish_earlier_run() -> None:
    """End the run of the job before, in a sweep: Weights & Biases has one a process, and would go on with it."""
    import wandb

    if wandb.run is not None:
        wandb.finish()


def choose_precision(settings: DictConfig) -> None:
    """Put the fastest precision of the device in place of `trainer.precision=auto`, and say which it is.

    bfloat16 where the device computes it natively, and float32 elsewhere.
    """
    if settings.get("precision") != "auto":
        return
    device = _kind_of_device(settings.get("accelerator", "auto"))
    reason = native_bfloat16(device)
    settings.precision = "bf16-mixed" if reason else "32-true"
    because = f"{device} has {reason}" if reason else f"{device} has no native bfloat16"
    rank_zero_only(log.info)("trainer.precision=auto: %s (%s)", settings.precision, because)


def _kind_of_device(accelerator: Any) -> str:
    """Return `cuda`, `cpu` or `mps`, as Lightning would choose."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "cuda"
    if accelerator in ("auto", "gpu", "mps") and MPSAccelerator.is_available():
        return "mps"
    return "cpu"


def refuse_unusable(settings: DictConfig) -> None:
    """Look at all that can be judged before there is a trainer.

    Raises:
        ValueError: A setting cannot be used.
    """
    refuse_other_precision(settings.get("precision"))
    for name, reason in ELSEWHERE.items():
        if settings.get(name) is not None:
            raise ValueError(f"trainer.{name}={settings[name]} would have no effect: {reason}")
    for name, least in LEAST.items():
        if settings.get(name) is not None and settings[name] < least:
            raise ValueError(f"trainer.{name} must be at least {least:g}, got {settings[name]}")
    interval = settings.get("val_check_interval")
    if isinstance(interval, int | float) and interval <= 0:
        raise ValueError(
            f"trainer.val_check_interval must be more than 0, got {interval}; trainer.limit_val_batches=0 leaves "
            f"validation out"
        )
    if settings.get("max_steps", -1) is None:
        raise ValueError("trainer.max_steps must be a whole number, got null; -1 sets no end")
    if settings.get("default_root_dir") is None:
        raise ValueError("trainer.default_root_dir must be the folder of the run, got null; set hydra.run.dir for it")
    refuse_unknown_end(settings)


def refuse_unknown_end(settings: DictConfig) -> None:
    """Refuse a run that does not say how long it is, which Lightning would let train for 1000 epochs.

    Raises:
        ValueError: No setting does.
    """
    ends = [settings.get("max_epochs"), settings.get("max_time"), settings.get("fast_dev_run") or None]
    if settings.get("max_steps", -1) == -1 and all(end is None for end in ends):
        raise ValueError(
            "trainer.max_epochs=null does not say when training ends; set trainer.max_epochs, trainer.max_steps or "
            "trainer.max_time (trainer.max_epochs=-1 trains until it is stopped)"
        )


def refuse_other_precision(precision: str | int | None) -> None:
    """Refuse weights that are no 32-bit floats: what is measured and kept counts on them.

    Raises:
        ValueError: The precision is another.
    """
    unified = {32: "32-true", 16: "16-mixed", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed", None: "32-true"}
    if unified.get(precision, precision) not in PRECISIONS:
        raise ValueError(
            f"trainer.precision={precision} is not to be had, for weights are kept as 32-bit floats; set "
            f"trainer.precision=bf16-mixed, which computes in 16 bits where that is safe, 16-mixed or 32-true"
        )


def refuse_lonely_node(trainer: pl.Trainer) -> None:
    """Refuse several nodes where nothing says how they reach each other: this one would wait for half an hour.

    Raises:
        ValueError: There are several, and no cluster has started this process.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.num_nodes > 1 and isinstance(environment, LightningEnvironment) and "MASTER_ADDR" not in os.environ:
        raise ValueError(
            f"trainer.num_nodes={trainer.num_nodes}, but this process knows of no other node; start it on each with "
            f"srun or torchrun, or set MASTER_ADDR, MASTER_PORT and NODE_RANK there"
        )
