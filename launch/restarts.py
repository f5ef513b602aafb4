"""Whether a job goes on with a run, and with which."""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from utils.files import atomic_write_text
from utils.shell import shell_command, shell_override

JOB_FILE = ".torchrun"
UNNAMED = "none"  # torchrun's own default


def run_to_resume(config: DictConfig) -> Path | None:
    """Return the folder of the run that is to go on, if it is not a new one.

    It is the one that `resume` names, or, where SLURM or torchrun has started the job once more, the one that it had.

    Raises:
        ValueError: `resume` names no run, or comes with other settings.
    """
    if config.resume is None:
        own = Path(config.trainer.default_root_dir)
        return own if has_restarted(own) and (own / "config.yaml").is_file() else None
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


def has_restarted(folder: Path) -> bool:
    """Return whether SLURM or torchrun has started the job once more that works in a folder.

    An agent of torchrun that was itself brought back knows nothing of an earlier start: there the name that all agents
    were given (`--rdzv-id`) tells that the run in the folder is the same job's.
    """
    counts = (os.environ.get(name, "0") for name in ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT"))
    if any(count != "0" for count in counts):
        return True
    noted, job = folder / JOB_FILE, torchrun_job()
    return job is not None and noted.is_file() and noted.read_text("utf-8") == job


def note_job(folder: Path) -> None:
    """Note in the folder of a new run which job of torchrun it is, if it is one."""
    job = torchrun_job()
    if job is not None:
        atomic_write_text(folder / JOB_FILE, job)


def torchrun_job() -> str | None:
    """Return what torchrun's agents call the job; None where they were given no name."""
    job = os.environ.get("TORCHELASTIC_RUN_ID", UNNAMED)
    return None if job == UNNAMED else job
