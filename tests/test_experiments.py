"""Every option of every group under every experiment: it composes, its settings fit what takes them, a step runs."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from tests.test_configs import BACKBONE, CONF, OPTIONS, _backbone, _flickr8k, _gpt2, _meteor, _vectors
from tests.tiny_run import compose_train, run_tiny

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
SWAPPED = [option for option in OPTIONS if option.parts[0] not in ("experiment", "hparams_search", "hydra")]
PAIRS = [(experiment, option) for experiment in EXPERIMENTS for option in SWAPPED]
QUICK = (
    "trainer.limit_train_batches=1",
    "trainer.limit_val_batches=1",
    "test=false",
    "optimized_metric=null",
)
"""Of a run that is a step and a validation."""

BESIDE: Mapping[str, list[str]] = {
    "metrics/diversity": ["generation=sample"],  # compares several captions of an image
    "metrics/rouge": ["monitor=val/rougeL"],  # all that it logs
    "metrics/shapes": ["data=shapes"],  # knows drawn scenes alone
}
"""What an option needs beside itself, whatever the experiment; without it one line says so before the first step."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of all files that options need, and of small ones."""
    made = [make(tmp_path_factory.mktemp("files")) for make in (_flickr8k, _backbone, _vectors, _gpt2, _meteor)]
    settings = dict(setting.split("=", 1) for of_one in made for setting in of_one)
    return {**settings, "pretrained_model": "null", "model.encoder.backbone": BACKBONE}


@pytest.mark.parametrize(("experiment", "option"), PAIRS, ids=[f"{e}-{o.as_posix()}" for e, o in PAIRS])
def test_an_experiment_with_another_option_runs_a_step(
    experiment: str, option: Path, files: dict[str, str], tmp_path: Path
) -> None:
    choices = [f"experiment={experiment}", f"{option.parent.as_posix()}={option.name}"]
    choices += BESIDE.get(option.as_posix(), [])
    composed = compose_train(choices)
    there = [key for key in files if _has(composed, key)]
    run_tiny(tmp_path / "run", *QUICK, choices=[*choices, *(f"{key}={files[key]}" for key in there)])


def _has(config: DictConfig, key: str) -> bool:
    """Return whether a config has a key, also one whose value is yet to be given."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and name in node.keys()  # noqa: SIM118 # `in` leaves out what is missing
