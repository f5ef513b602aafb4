"""Every other option of every group under every experiment: it composes, its settings fit what takes them, a step runs.

`test_configs.py` runs experiments as they are.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from datamodules.caption_datamodule import CaptionDataModule
from launch.setting_types import refuse_wrong_settings
from launch.trainer import build_trainer
from launch.training import build_module
from lightning_modules import CodedImages
from metrics.rewards import reward_frequencies
from tests.test_configs import (
    BACKBONE,
    CONF,
    OPTIONS,
    _backbone,
    _dalle,
    _gpt2,
    _hugging_face_streaming,
    _meteor,
    _openai,
    _shards,
    _vectors,
    skip_without_package,
)
from tests.tiny_run import SMALL, _paths, compose_train, hydra_job
from utils.shell import override

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
OF_TRAINED = ("model/distillation/teachers", "tokenizer/checkpoint")  # take models that were trained before
SWAPPED = [
    option for option in OPTIONS
    if option.parts[0] not in ("experiment", "hparams_search", "hydra") and option.as_posix() not in OF_TRAINED
]  # fmt: skip


@cache
def _composed(*choices: str) -> DictConfig:
    return compose_train(choices, with_hydra=True)


AS_ANOTHER = {"article": "shapes_dalle", "article_discrete_vae": "shapes_discrete_vae"}
"""Experiments that are as another one but for groups that they choose themselves, which alone are looked at."""

OF_LATENTS = ("generation/latent", "generation/latent_set")


def _fits(experiment: str, option: Path) -> bool:
    """Return whether an option is another one than the experiment's, of the family of models that it trains."""
    group, own = option.parent.as_posix(), _composed(f"experiment={experiment}")
    if group not in own.hydra.runtime.choices or (experiment in AS_ANOTHER and group not in _chosen(experiment)):
        return False
    if own.hydra.runtime.choices[group] == option.name:
        return False
    if _family(own)[0] == "dalle" and option.as_posix() in OF_LATENTS:
        return False
    if group in ("model", "model/loss"):
        swapped = _composed(*([] if group == "model" else [f"experiment={experiment}"]), f"{group}={option.name}")
        return _family(swapped) == _family(own)
    return True


def _chosen(experiment: str) -> set[str]:
    """Return the groups that an experiment chooses an option of."""
    defaults = OmegaConf.load(CONF / f"experiment/{experiment}.yaml").defaults
    return {key.removeprefix("override /") for entry in defaults if entry != "_self_" for key in entry}


def _is_frozen(encoder: Path) -> bool:
    """Return whether an encoder is frozen in the first place."""
    frozen: bool = _composed(f"model/encoder={encoder.name}").model.encoder.get("frozen", False)
    return frozen


def _family(config: DictConfig) -> tuple[str | None, str | None]:
    """Return of which family a model is, and a loss; None for variational captioners."""
    model, loss = (target.rpartition(".")[2] for target in (config.model._target_, config.model.loss._target_))
    families = {"ImageCoder": "discrete_vae", "DiscreteVAELoss": "discrete_vae"}
    families |= {"DalleCaptioner": "dalle", "DALLELoss": "dalle"}
    return families.get(model), families.get(loss)


PAIRS = [(experiment, option) for experiment in EXPERIMENTS for option in SWAPPED if _fits(experiment, option)]

BESIDE: Mapping[str, list[str]] = {
    # reads the files of Flickr8k, whose lists have other names, and shards are beside
    "data/images": ["data.split=[0.5,0.25,0.25]", "data.annotations=Flickr8k.token.txt"],
    "metrics/diversity": ["generation=sample"],  # compares several captions of an image
    "model/loss/terms/predicted_words": ["model/memory=predicted_words"],  # predicts them
    "metrics/rouge": ["monitor=val/rouge_score/rougeL", "monitor_mode=max"],  # all that it logs
    "metrics/shapes": ["data=shapes"],  # knows drawn scenes alone
}
"""What an option needs beside itself, whatever the experiment; without it one line says so before the first step."""

ALWAYS = (
    "model.encoder.backbone",
    "model.encoder.weights",
    "metrics.meteor.jar",
    "metrics.meteor.java",
    "tokenizer.path",
)
"""Settings of files that have a value already; others are given where they are missing."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of all files that options need, and of small ones."""
    makers = (_hugging_face_streaming, _shards, _backbone, _vectors, _gpt2, _meteor, _dalle, _openai)
    made = [make(tmp_path_factory.mktemp("files")) for make in makers]
    settings = dict(setting.split("=", 1) for of_one in made for setting in of_one)
    return {**settings, "pretrained_model": "null", "model.encoder.backbone": BACKBONE}


@pytest.fixture(scope="module")
def loaded() -> dict[str, CaptionDataModule]:
    """Data that were loaded, by their settings."""
    return {}


@pytest.mark.parametrize(("experiment", "option"), PAIRS, ids=[f"{e}-{o.as_posix()}" for e, o in PAIRS])
def test_an_experiment_with_another_option_runs_a_step(
    experiment: str, option: Path, files: dict[str, str], loaded: dict[str, CaptionDataModule], tmp_path: Path
) -> None:
    skip_without_package(option)
    choices = [f"experiment={experiment}", f"{option.parent.as_posix()}={option.name}"]
    choices += BESIDE.get(option.as_posix(), [])
    if experiment == "flickr8k_discrete_vae" and option.parent.name == "encoder" and not _is_frozen(option):
        choices.append("model.loss.features_weight=0")  # is of features that stay as they are
    cache = Path(files["data.root"]).parent / "cache"
    folders = [override("hydra.runtime.output_dir", str(tmp_path)), f"cache_dir={cache}", "hydra.mode=RUN"]
    composed = compose_train([*choices, *folders], with_hydra=True)
    own = OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"])
    sizes = {path: SMALL.get(path.split(".")[-1]) for path in _paths(own)}
    needed = {path: value for path, value in files.items() if path in ALWAYS or _is_missing(own, path)}
    for path, value in {**sizes, **needed}.items():
        if value is not None and _has(own, path):
            OmegaConf.update(composed, path, OmegaConf.create(f"x: {value}").x)
    with hydra_job(composed) as config:
        refuse_wrong_settings(config)
        build_trainer(config)
        datamodule = _data(config, loaded)
        _run_a_step(build_module(config.model, datamodule), datamodule)


def _data(config: DictConfig, loaded: dict[str, CaptionDataModule]) -> CaptionDataModule:
    key = OmegaConf.to_yaml(config.data, resolve=True)
    if key not in loaded:
        loaded[key] = instantiate(config.data)
        loaded[key].prepare_data()
        loaded[key].setup()
    return loaded[key]


def _run_a_step(module: Any, datamodule: CaptionDataModule) -> None:
    """Train a step and evaluate a batch, without a trainer."""
    module.log = module.log_dict = lambda *_, **__: None
    if hasattr(module, "_frequencies"):
        module._frequencies = reward_frequencies(datamodule.splits["train"].captions)
    loss = module.train().training_step(next(iter(datamodule.train_dataloader())), 0)
    loss.backward()
    assert loss.isfinite()
    batch = next(iter(datamodule.val_dataloader()))
    output = module.eval().evaluate(batch)
    made = output.codes_BP if isinstance(output, CodedImages) else output.generated.captions
    assert len(made) == len(batch.image_ids_B)


def _is_missing(config: DictConfig, key: str) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and OmegaConf.is_missing(node, name)


def _has(config: DictConfig, key: str) -> bool:
    """Return whether a config has a key, also one whose value is yet to be given."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and name in node.keys()  # noqa: SIM118 # `in` leaves out what is missing
