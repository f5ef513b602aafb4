"""What benchmarks that take the settings of `evaluate.py` begin with."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from benchmarks.measuring import ROOT
from evaluation.setup import Evaluated, prepare


def prepared(overrides: Sequence[str]) -> tuple[DictConfig, Evaluated]:
    """Compose `evaluate.yaml`, and load the model and the data.

    Raises:
        ValueError: As `evaluation.setup.prepare`.
    """
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("evaluate", [*overrides], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config, prepare(config)
