"""Going on from a checkpoint: the model, its data and its optimizer have to be those that it is of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datamodules.fingerprint import refuse_changed_data
from lightning_modules.base import FacetModule
from lightning_modules.checkpoints.formats import read_checkpoint

OF_TRAINING = ("optimizer_states", "lr_schedulers", "loops", "callbacks")


def refuse_other_model(module: FacetModule, path: str | Path, *, data: Mapping[str, str]) -> None:
    """Compare a checkpoint with the model that is to go on from it.

    Args:
        module: The model.
        path: The checkpoint.
        data: The fingerprint of the data.

    Raises:
        ValueError: It cannot be read, is of other data, holds weights alone, or is of a model with other weights,
            another tokenizer or another optimizer.
    """
    checkpoint = read_checkpoint(path)
    name, start = f"ckpt_path={path}", f"pretrained_model={path} pretrained_skip=null"
    if missing := [part for part in OF_TRAINING if part not in checkpoint]:
        raise ValueError(f"{name} holds weights alone, without {', '.join(missing)}; start from them with {start}")
    if "SameData" in checkpoint["callbacks"]:
        refuse_changed_data(checkpoint["callbacks"]["SameData"]["fingerprint"], data)
    saved, own = checkpoint["hyper_parameters"], module.hparams
    if saved.get("tokenizer") != own.get("tokenizer"):
        raise ValueError(
            f"{name}: its tokenizer is another than this run's; keep the data and tokenizer=… as they were"
        )
    _refuse_other_weights(name, checkpoint["state_dict"], module.state_dict())
    before, now = (settings.get("optimizer", {}).get("_target_") for settings in (saved, own))
    if before != now:
        raise ValueError(
            f"{name}: its optimizer is {before}, and this run's {now}; choose the same model/optimizer, or start anew "
            f"from its weights with {start}"
        )


def _refuse_other_weights(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    wrong, others = of_other_shapes(theirs, ours), sorted(theirs.keys() ^ ours.keys())
    if wrong or others:
        raise ValueError(
            f"{name}: {len(wrong)} weights have other shapes and {len(others)} are in one of the two alone, such as "
            f"{[*wrong, *others][0]}; choose the same parts and sizes"
        )


def of_other_shapes(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """Return the weights that both have in different shapes, each with its two shapes."""
    shapes = {name: ([*theirs[name].shape], [*ours[name].shape]) for name in theirs if name in ours}
    return [f"{name} with {their} instead of {own}" for name, (their, own) in shapes.items() if their != own]
