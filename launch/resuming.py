"""Goes on with a run that was interrupted, from its newest checkpoint that is intact."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from callbacks.fit_progress import next_logged_step, settle
from lightning_modules.checkpoints.durable_io import read_intact
from lightning_modules.checkpoints.formats import CHECKPOINT_FORMAT
from utils import lightning_internals
from utils.nested import is_target, walk
from utils.shell import hydra_command

log = logging.getLogger(__name__)

NEWEST_FIRST = ("next.ckpt", "last.ckpt", "previous.ckpt", "best.ckpt")


def resumed(folder: Path) -> DictConfig:
    """Return the config that lets a run go on: its own, with the newest intact checkpoint.

    A run that has no checkpoint yet starts again, from what it had started from.

    Raises:
        ValueError: The folder was moved, all checkpoints are damaged, or another version made the run.
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
    path, checkpoint = newest_intact(folder / "checkpoints")
    refuse_other_version(folder, config, path, checkpoint)
    if path is not None:
        config.ckpt_path = str(path)
    if "purge_step" in config.logger:
        config.logger.purge_step = 0 if path is None else first_step_made_again(checkpoint)
    if path is None:
        tell(f"starting {folder} again: no checkpoint")
    else:
        tell(f"going on with {folder} from {path.name} (step {checkpoint['global_step']})")
    return config


def refuse_other_version(folder: Path, config: DictConfig, path: Path | None, checkpoint: Mapping[str, Any]) -> None:
    """Refuse a run whose checkpoint has another format than those of now, or whose settings name what is not there.

    Args:
        folder: Of the run.
        config: Its settings.
        path: Its newest checkpoint; None where it has none.
        checkpoint: What that holds.

    Raises:
        ValueError: It is such a run.
    """
    found = checkpoint.get("facet_format", CHECKPOINT_FORMAT)
    missing = [*missing_targets(OmegaConf.to_container(config))]
    facts = []
    if found != CHECKPOINT_FORMAT:
        facts.append(f"its checkpoints have format {found}, and those of this version format {CHECKPOINT_FORMAT}")
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        facts.append(f"its settings name {missing[0]}{others}, which cannot be imported")
    if not facts:
        return
    start = "start it anew"
    if path is not None:
        words = " tokenizer=checkpoint" if "tokenizer" in checkpoint["hyper_parameters"] else ""
        command = f"{hydra_command('train.py', pretrained_model=path)} pretrained_skip=null{words}"
        start = f"start a new run from its weights, {command} beside settings of this version"
    raise ValueError(
        f"resume={folder}: another version made this run: {', and '.join(facts)}; go on in the version that made it, "
        f"or {start}"
    )


def missing_targets(settings: Any) -> Iterator[str]:
    """Yield the keys, with their values, of settings that name a class or function which cannot be imported."""
    for name, target in walk(settings):
        if is_target(name):
            try:
                resolve_name(target)
            except (ImportError, AttributeError):
                yield f"{name}={target}"


def first_step_made_again(checkpoint: dict[str, Any]) -> int:
    """Return the step from which on a run that goes on from the checkpoint logs its figures once more."""
    loops: dict[str, Any] = checkpoint["loops"]["fit_loop"]
    settle(loops)
    return next_logged_step(loops)


def hide_no_more(trainer: Trainer) -> None:
    """Let processes that write to TensorBoard after training hide nothing, as its own was to: forks open files anew."""
    if isinstance(trainer.logger, TensorBoardLogger):
        lightning_internals.hide_no_more(trainer.logger)


def newest_intact(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the newest checkpoint that can be read, and what it holds; None and nothing where there is no checkpoint.

    Raises:
        ValueError: There are some, and all are damaged.
    """
    damaged = []
    for path in (folder / name for name in NEWEST_FIRST):
        if path.is_file():
            try:
                return path, read_intact(path)
            except ValueError as error:
                tell(f"{error}; trying the one before")
                damaged.append(path.name)
    if damaged:
        raise ValueError(f"{folder}: all checkpoints are damaged ({', '.join(damaged)}); start the run anew")
    return None, {}


@rank_zero_only
def tell(message: str) -> None:
    log.warning(message)
