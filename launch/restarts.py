"""Whether a job goes on with a run, and with which."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from utils.shell import shell_command, shell_override


def run_to_resume(config: DictConfig) -> Path | None:
    """Return the folder of the run that is to go on, if it is not a new one.

    It is the one that `resume` names, or, where SLURM has started the job once more, the one that it had.

    Raises:
        ValueError: `resume` names no run, or comes with other settings.
    """
    if config.resume is None:
        own = Path(config.trainer.default_root_dir)
        return own if has_restarted() and (own / "config.yaml").is_file() else None
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
            f"resume={folder} goes on with the settings of that run; leave out {shell_command(*others)}, or name a "
            f"checkpoint with {shell_override('ckpt_path', f'{folder}/checkpoints/last.ckpt')} beside all of "
            f"the run's settings"
        )
    return folder


def has_restarted() -> bool:
    """Return whether SLURM has started this job once more."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0"
