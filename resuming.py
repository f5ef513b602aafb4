"""Goes on with a run that was interrupted, from its newest checkpoint that is intact."""

import logging
import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_only

from lightning_modules.checkpoint_io import read_intact

log = logging.getLogger(__name__)

NEWEST_FIRST = ("next.ckpt", "last.ckpt", "previous.ckpt", "best.ckpt")


def run_to_resume(config: DictConfig) -> Path | None:
    """Return the folder of the run that is to go on, if it is not a new one.

    It is the one that `resume` names, or, where SLURM has started the job once more, the one that it had.

    Raises:
        ValueError: `resume` names no run, or comes with other settings.
    """
    if config.resume is None:
        own = Path(config.trainer.default_root_dir)
        restarted = os.environ.get("SLURM_RESTART_COUNT", "0") != "0"
        return own if restarted and (own / "config.yaml").is_file() else None
    folder = Path(config.resume)
    if not (folder / "config.yaml").is_file():
        reason = "it holds no config.yaml" if folder.is_dir() else "there is no such folder"
        raise ValueError(
            f"resume={folder} is not a run directory: {reason}; expected one that train.py made, such as "
            f"outputs/2026-01-31/12-00-00"
        )
    others = [override for override in HydraConfig.get().overrides.task if not override.startswith("resume=")]
    if others:
        raise ValueError(
            f"resume={folder} goes on with the settings of that run; leave out {' '.join(others)}, or name a "
            f"checkpoint with ckpt_path={folder}/checkpoints/last.ckpt beside all of the run's settings"
        )
    return folder


def resumed(folder: Path) -> DictConfig:
    """Return the config that lets a run go on: its own, with the newest intact checkpoint.

    A run that has no checkpoint yet starts again.

    Raises:
        ValueError: The folder was moved, or all checkpoints are damaged.
    """
    folder = folder.absolute()
    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)
    made_in = Path(config.trainer.default_root_dir)
    if folder.resolve() != made_in.resolve():
        raise ValueError(
            f"resume={folder}: this run was made in {made_in}, where its settings say that its files are; move it "
            f"back, or name a checkpoint of it with ckpt_path= beside all of the run's settings"
        )
    path, step = newest_intact(folder / "checkpoints")
    config.ckpt_path = None if path is None else str(path)
    if "purge_step" in config.logger:
        config.logger.purge_step = step + 1  # what callbacks show of the step's model bears its number
    tell(
        f"going on with {folder} from {path.name} (step {step})" if path else f"starting {folder} again: no checkpoint"
    )
    return config


def newest_intact(folder: Path) -> tuple[Path | None, int]:
    """Return the newest checkpoint that can be read, and its step; None and -1 where there is no checkpoint.

    Raises:
        ValueError: There are some, and all are damaged.
    """
    damaged = []
    for path in (folder / name for name in NEWEST_FIRST):
        if path.is_file():
            try:
                return path, int(read_intact(path)["global_step"])
            except ValueError as error:
                tell(f"{error}; trying the one before")
                damaged.append(path.name)
    if damaged:
        raise ValueError(f"{folder}: all checkpoints are damaged ({', '.join(damaged)}); start the run anew")
    return None, -1


@rank_zero_only
def tell(message: str) -> None:
    log.warning(message)
