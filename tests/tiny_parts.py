"""One tiny model with its data, for any number of trainers: cheaper than a run for each."""

from collections.abc import Mapping
from pathlib import Path

import pytorch_lightning as pl
import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from launch.checks import prepare_goals
from launch.setting_types import refuse_wrong_settings
from launch.trainer import build_trainer
from tests.tiny_run import build_tiny, compose_tiny, hydra_job


class Parts:
    """A model and its data, and the config of a run, for any number of trainers."""

    def __init__(self, folder: Path) -> None:
        latents = ("latent_usage", "style_grid", "traversals", "latent_scatter", "kl_history", "latent_projector")
        shown = ("samples", "attention", "reconstructions", "reconstruction_metrics", *latents, "missing_images")
        choices = [
            "logger=none",
            "metrics=rouge",
            "model/scheduler=constant",
            *(f"~callbacks.{name}" for name in shown),
        ]
        self.captioner, self.datamodule = build_tiny(folder / "run", choices=choices)
        with hydra_job(compose_tiny(folder / "run", choices=choices)) as config:
            OmegaConf.resolve(config)
        self.config = config

    def trainer(self, settings: Mapping[str, str] | None = None, **of_trainer: str) -> pl.Trainer:
        """Build a trainer as `train.py` does, with values as a command line gives them."""
        config = self.config.copy()
        for name, value in {**(settings or {}), **{f"trainer.{n}": value for n, value in of_trainer.items()}}.items():
            OmegaConf.update(config, name, yaml.load(value, get_yaml_loader()), force_add=True)
        refuse_wrong_settings(config)
        trainer = build_trainer(config)
        prepare_goals(trainer, self.datamodule, config)
        return trainer
