"""What a forked process does: train as `train.py` would."""

import logging
import multiprocessing
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks

import torch

import train as script
from tests.tiny_run import compose_tiny, compose_train, hydra_job
from utils.shell import override

WITNESS = "+callbacks.witness={{_target_: tests.faults.witness.Witness, folder: '{}'}}"


def train(
    run_dir: Path, settings: Sequence[str], resume: bool, env: Mapping[str, str], most_bytes_a_file: int | None
) -> None:
    """Start a tiny run, or go on with it; all that it says goes to a file beside its folder."""
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    with log_of(run_dir).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    multiprocessing.set_start_method("fork", force=True)  # for the workers of loaders, as under train.py
    os.environ |= env
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.basicConfig(format="%(message)s")
    if most_bytes_a_file is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes_a_file, resource.RLIM_INFINITY))
    with hydra_job(_config(run_dir, settings, resume)) as config:
        script.main(config)


def _config(run_dir: Path, settings: Sequence[str], resume: bool) -> script.DictConfig:
    if resume:
        own = [override("hydra.runtime.output_dir", str(run_dir)), "hydra.mode=RUN"]
        return compose_train([override("resume", str(run_dir)), *own], with_hydra=True)
    groups = ("generation", "model", "callbacks")
    choices = [setting for setting in settings if "/" in (name := setting.split("=")[0]) or name in groups]
    others = [setting for setting in settings if setting not in choices]
    return compose_tiny(run_dir, *others, WITNESS.format(run_dir), choices=choices)


def log_of(run_dir: Path) -> Path:
    return run_dir.with_name(f"{run_dir.name}.log")
