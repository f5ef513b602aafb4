"""Whole training runs that take a second: the shipped config with every size made small."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

import train
from datamodules.caption_datamodule import CaptionDataModule
from launch.training import build_module
from utils.shell import override

ROOT = Path(__file__).parents[1]

SMALL = {
    "num_train": 8,
    "num_val": 3,
    "num_test": 3,
    "batch_size": 4,
    "image_size": 32,
    "num_workers": 0,
    "min_count": 1,
    "vocab_size": 300,
    "max_caption_length": 8,
    "num_resnet_blocks": 1,
    "base_width": 4,
    "reduced_width": 4,
    "num_codes": 16,
    "code_dim": 4,
    "style_dim": 3,
    "content_dim": 5,
    "position_dim": 2,
    "context_dim": 8,
    "embedding_dim": 12,
    "hidden_size": 16,
    "feedforward_size": 16,
    "num_images": 2,
    "num_styles": 2,
    "refresh_rate": 0,
    "accelerator": "cpu",
    "devices": 1,
    "max_epochs": 1,
    "log_every_n_steps": 1,
    "enable_model_summary": "false",
    "precision": "32-true",  # the same figures on every machine
}
"""Values by the last part of a key: they hold for options that are yet to be written, too."""


WITHOUT_PICTURES = tuple(
    f"~callbacks.{name}"
    for name in ("attention", "style_grid", "traversals", "latent_scatter", "latent_projector", "kl_history")
)
"""Without the callbacks that look at images of their own, and write files that are larger than all others."""


def compose_train(overrides: Sequence[str], *, with_hydra: bool = False, name: str = "train") -> DictConfig:
    """Compose `train.yaml`, or another, as the command line would."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(name, [*overrides], return_hydra_config=with_hydra)


@cache
def tiny_overrides(choices: tuple[str, ...] = (), name: str = "train") -> tuple[str, ...]:
    """Return the overrides that choose groups' options and make all sizes small, as for a command line."""
    paths = [path for path in _paths(compose_train(choices, name=name)) if path.split(".")[-1] in SMALL]
    return (*choices, *(f"{path}={SMALL[path.split('.')[-1]]}" for path in paths))


def compose_tiny(run_dir: Path, *settings: str, choices: Sequence[str] = (), name: str = "train") -> DictConfig:
    """Return a composed config, with its `hydra` node, of a run in `run_dir`."""
    folders = {"cache_dir": f"{run_dir.parent}/cache", "hydra.runtime.output_dir": str(run_dir)}
    own = [*(override(key, folder) for key, folder in folders.items()), "hydra.mode=RUN"]
    return compose_train([*tiny_overrides(tuple(choices), name), *own, *settings], with_hydra=True, name=name)


@contextmanager
def hydra_job(config: DictConfig) -> Iterator[DictConfig]:
    """Pretend to be Hydra, which is running a job with this config; yields what the job gets of it."""
    HydraConfig.instance().set_config(config)
    Path(HydraConfig.get().runtime.output_dir).mkdir(parents=True, exist_ok=True)
    with open_dict(config):
        del config["hydra"]
    try:
        yield config
    finally:
        HydraConfig.instance().cfg = None


@dataclass(frozen=True)
class TinyRun:
    """What a run left behind."""

    folder: Path
    metric: float | None

    @property
    def best(self) -> Path:
        return self.folder / "checkpoints" / "best.ckpt"

    @cached_property
    def events(self) -> EventAccumulator:
        return read_events(self.folder / "tensorboard")


def run_tiny(run_dir: Path, *settings: str, choices: Sequence[str] = ()) -> TinyRun:
    """Train, validate and test as `train.py` does."""
    with hydra_job(compose_tiny(run_dir, *settings, choices=choices)) as config:
        return TinyRun(run_dir, train.main(config))


def build_tiny(run_dir: Path, *settings: str, choices: Sequence[str] = ()) -> tuple[Any, CaptionDataModule]:
    """Build a model and its data as `train.py` does, without training."""
    with hydra_job(compose_tiny(run_dir, *settings, choices=choices)) as config:
        datamodule = instantiate(config.data)
        datamodule.prepare_data()
        datamodule.setup()
        return build_module(config.model, datamodule), datamodule


def read_events(folder: Path) -> EventAccumulator:
    """Read all that TensorBoard would show of a folder."""
    return EventAccumulator(str(folder), size_guidance={TENSORS: 0}).Reload()


def scalars(events: EventAccumulator) -> dict[str, list[tuple[int, float]]]:
    """Return each curve as its (step, value) pairs."""
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _paths(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, config):
        if not OmegaConf.is_missing(config, key) and OmegaConf.is_dict(config._get_node(key)):
            yield from _paths(config[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
