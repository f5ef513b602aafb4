"""Lets a run that goes on from another run's checkpoint know what was the best before."""

import shutil
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from utils.files import atomic_open


def take_over_best(trainer: Trainer, checkpoint: dict[str, Any]) -> None:
    """Copy the best checkpoints into the run's own folder, and let the callback's saved state name the copies.

    Else `ModelCheckpoint` would forget the best score in another folder, and take the next epoch for the best. Where a
    file is not there any more, it does.

    Args:
        trainer: Its `ModelCheckpoint` callbacks are set up, and have not loaded their states.
        checkpoint: The run goes on from it; changed in place.
    """
    for callback in trainer.checkpoint_callbacks:
        state = checkpoint["callbacks"].get(callback.state_key)
        if isinstance(callback, ModelCheckpoint) and state and callback.dirpath not in (None, state["dirpath"]):
            _move(state, Path(str(callback.dirpath)), copies=trainer.is_global_zero)


def _move(state: dict[str, Any], folder: Path, *, copies: bool) -> None:
    old = [Path(path) for path in {*state["best_k_models"], state["best_model_path"]} if path]
    if not all(path.is_file() for path in old):
        return
    for path in old if copies else []:
        with path.open("rb") as source, atomic_open(folder / path.name, "wb") as target:
            shutil.copyfileobj(source, target)
    new = {str(path): str(folder / path.name) for path in old} | {"": ""}
    state["best_k_models"] = {new[path]: score for path, score in state["best_k_models"].items()}
    for name in ("best_model_path", "kth_best_model_path"):
        state[name] = new[state[name]]
    state["last_model_path"] = ""
    state["dirpath"] = str(folder)
