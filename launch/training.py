"""One training run, from its config to its figures."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_only

from datamodules.caption_datamodule import CaptionDataModule
from launch.checks import check_run, check_settings, prepare_goals, refuse_two_starts, tell_missing_metric
from launch.data_look import look_at_data
from launch.devices import (
    best_checkpoint,
    end_with_first_process,
    expect_unused_parameters,
    naming_lost_processes,
    prepare_sharding,
    refuse_empty_shares,
    refuse_lost_devices,
)
from launch.introduction import introduce
from launch.restarts import note_job, run_to_resume
from launch.resuming import hide_no_more, resumed
from launch.stopping import ending_when_stopped
from launch.summary import log_hyperparameters, print_summary
from launch.trainer import build_trainer
from lightning_modules import CaptioningModule, FacetModule
from lightning_modules.checkpoints.compatibility import refuse_other_model
from lightning_modules.checkpoints.trained_images import marks_of_start
from lightning_modules.checkpoints.warm_start import warm_start
from utils.devices import keep_freed_memory
from utils.errors import in_sweep
from utils.files import atomic_write_text

warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # Lightning's own use of PyTorch
warnings.filterwarnings("ignore", message="Found .* in eval mode at the start")  # a frozen backbone, on purpose
warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")  # a run that goes on


def train(config: DictConfig) -> float | None:
    """Build data, model and trainer; fit, test, and sum up. Return the metric that a sweep compares its jobs by."""
    check_settings(config)
    old_run = run_to_resume(config)
    config = config if old_run is None else resumed(old_run)
    if old_run is None:
        refuse_two_starts(config)
    pl.seed_everything(config.seed, workers=True)
    trainer = build_trainer(config)
    refuse_lost_devices(trainer)
    end_with_first_process(trainer)
    if old_run is None:
        save_resolved(config)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()

    datamodule = instantiate(config.data)
    prepare_sharding(trainer, datamodule)
    datamodule.prepare_data()
    datamodule.setup("fit")
    if datamodule.look:
        look_at_data(datamodule, Path(HydraConfig.get().runtime.output_dir))
        return None
    refuse_empty_shares(trainer, datamodule)
    prepare_goals(trainer, datamodule, config)
    module = build_module(config.model, datamodule)
    expect_unused_parameters(trainer, module)
    check_run(trainer, datamodule, module)
    load_start(module, datamodule, config, goes_on=old_run is not None)
    marks = [*marks_of_start(config, datamodule.splits), *datamodule.shared]
    introduce(trainer, module, datamodule)

    metrics = fit_and_test(trainer, module, datamodule, config)
    log_hyperparameters(trainer, config, metrics)
    print_summary(trainer, module, datamodule, metrics, marks)
    return optimized(metrics, config.optimized_metric)


def build_module(settings: DictConfig, datamodule: CaptionDataModule) -> FacetModule:
    """Build a model from its settings, and what it has to know of the data: the words only if it captions images."""
    known: dict[str, Any] = {"image_size": datamodule.image_size}
    kind = get_object(settings._target_)
    if not isinstance(kind, type) or issubclass(kind, CaptioningModule):
        known["tokenizer"] = datamodule.tokenizer.to_json()
    module: FacetModule = instantiate(settings, _partial_=True)(**known)
    return module


def load_start(module: FacetModule, datamodule: CaptionDataModule, config: DictConfig, *, goes_on: bool) -> None:
    """Read the weights that a new run starts from, or look at the checkpoint that Lightning will read them from.

    Args:
        module: The model.
        datamodule: Its data.
        config: The run's.
        goes_on: Whether the checkpoint is the run's own, which is of this model and these data.

    Raises:
        ValueError: A file cannot be read, or does not fit.
    """
    if config.ckpt_path is not None:
        if not goes_on:
            refuse_other_model(module, config.ckpt_path, data=datamodule.fingerprint())
        return
    module.load_pretrained()
    if config.pretrained_model is not None:
        skip, trusted = config.pretrained_skip, config.get("trusted_packages", [])
        warm_start(module, config.pretrained_model, skip=skip, trusted_packages=trusted)


def fit_and_test(
    trainer: pl.Trainer, module: FacetModule, datamodule: CaptionDataModule, config: DictConfig
) -> dict[str, float]:
    """Train, then test the best checkpoint if that is asked for; return the figures of both."""
    with naming_lost_processes(trainer), ending_when_stopped(trainer):
        trainer.fit(module, datamodule=datamodule, ckpt_path=config.ckpt_path, weights_only=True)
    hide_no_more(trainer)
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    if config.test:
        best = best_checkpoint(trainer)
        with naming_lost_processes(trainer), ending_when_stopped(trainer):
            trainer.test(module, datamodule=datamodule, ckpt_path=best, weights_only=True, verbose=False)
        metrics |= {name: value.item() for name, value in trainer.callback_metrics.items()}
    return metrics


@rank_zero_only
def save_resolved(config: DictConfig) -> None:
    """Write the config with every interpolation resolved into the run directory."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    atomic_write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    note_job(folder)


def optimized(metrics: Mapping[str, float], name: str | None) -> float | None:
    """Return the metric that a sweep compares its jobs by; outside of a sweep it may be missing."""
    if name is None:
        return None
    if name not in metrics and not in_sweep():
        tell_missing_metric(name)
        return None
    if name not in metrics:
        raise ValueError(f"optimized_metric={name} was not logged; choose one of {', '.join(sorted(metrics))}")
    return metrics[name]
