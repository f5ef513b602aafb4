"""One model of several checkpoints: the mean of their weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.base import FacetModule
from lightning_modules.checkpoints.durable_io import save_durably
from lightning_modules.checkpoints.formats import header
from lightning_modules.checkpoints.loading import load_module


def average_checkpoints(paths: Sequence[str | Path], *, trusted_packages: Sequence[str] = ()) -> FacetModule:
    """Return a model whose weights are the means of those of checkpoints, with the settings of the first.

    It knows the training images of all.

    Made for the last checkpoints of one run (Vaswani et al. 2017, section 6.1). Weights that are the same in all stay
    the same to the last bit, so that features of a frozen backbone which were cached stay valid.

    Args:
        paths: Checkpoints that `train.py` wrote; read as by `load_module`, whose errors this raises, too.
        trusted_packages: Packages of yours that they may build parts from.

    Raises:
        ValueError: There are fewer than two, or their words or the shapes of their weights differ.
    """
    if len(paths) < 2:
        raise ValueError(f"expected at least two checkpoints to average, got {len(paths)}; name more of the same run")
    averaged, *others = [load_module(path, trusted_packages=trusted_packages) for path in paths]
    for path, other in zip(paths[1:], others, strict=True):
        _check_alike(averaged, other, f"{paths[0]} and {path}")
    for other in others:
        assert other.trained_on is not None, "load_module notes what is known"
        averaged.record_training(other.trained_on)
    states = [module.state_dict() for module in (averaged, *others)]
    averaged.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    return averaged


def save_module(module: FacetModule, path: str | Path) -> None:
    """Write a model so that `load_module` reads it: its weights and settings, and nothing of a training run."""
    save_durably(as_checkpoint(module), Path(path))


def as_checkpoint(module: FacetModule) -> dict[str, Any]:
    """Return a model as a checkpoint holds it: its weights and settings, and nothing of a training run."""
    return {
        **header(type(module), module.trained_on),
        "hyper_parameters": dict(module.hparams),
        "state_dict": module.state_dict(),
    }


def _check_alike(module: FacetModule, other: FacetModule, names: str) -> None:
    advice = "average checkpoints of one run"
    if type(module) is not type(other):
        raise ValueError(f"{names}: they are a {type(module).__name__} and a {type(other).__name__}; {advice}")
    if module.hparams.get("tokenizer") != other.hparams.get("tokenizer"):
        raise ValueError(f"{names}: their tokenizers differ; {advice}")
    shapes, other_shapes = (
        {name: tuple(tensor.shape) for name, tensor in of_one.state_dict().items()} for of_one in (module, other)
    )
    if shapes != other_shapes:
        name = next(name for name in {**shapes, **other_shapes} if shapes.get(name) != other_shapes.get(name))
        raise ValueError(
            f"{names}: their weights differ in shape: {name} is {shapes.get(name, 'missing')} and "
            f"{other_shapes.get(name, 'missing')}; {advice}"
        )


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    """Return the mean; of counters, the last."""
    first = tensors[0]
    if not first.is_floating_point() or all(torch.equal(first, tensor) for tensor in tensors[1:]):
        return tensors[-1]
    return torch.stack([tensor.double() for tensor in tensors]).mean(dim=0).to(first.dtype)
