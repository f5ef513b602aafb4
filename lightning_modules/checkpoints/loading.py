"""Reading a checkpoint that may come from a stranger: no code of its own runs, and its errors are clear."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.utils import get_object

from datamodules.training_record import TrainingRecord
from lightning_modules.base import CaptioningModule, FacetModule
from lightning_modules.checkpoints.formats import read_checkpoint
from lightning_modules.networks.discrete_vae import DiscreteVAE, FrozenDiscreteVAE
from utils.nested import is_target, walk

TRUSTED_PACKAGES = ("lightning_modules",)
HOW_TO_TRUST = (
    "train.py and evaluate.py trusted_packages=[PACKAGE], caption.py, average.py and export.py --trust PACKAGE"
)


def load_module(path: str | Path, *, trusted_packages: Sequence[str] = ()) -> FacetModule:
    """Rebuild a trained model from its checkpoint alone, on the CPU, in evaluation mode.

    The file is read with `weights_only=True`. The model's class and those that its constructor builds must be this
    project's own, or of packages that the reader trusts; those of the optimizer are not built.

    Args:
        path: A checkpoint that `train.py` wrote, or a folder that `save_pretrained` wrote.
        trusted_packages: Packages of yours that the checkpoint may build parts from, such as `my_encoders`.

    Raises:
        ValueError: The file is not there, is no checkpoint of this project, is of another version, or names a class
            outside of the trusted packages.
    """
    checkpoint = read_checkpoint(path)
    settings = checkpoint["hyper_parameters"]
    trusted = (*TRUSTED_PACKAGES, *trusted_packages)
    kind = _trusted_class(path, checkpoint["facet_class"], trusted)
    if not issubclass(kind, FacetModule):
        raise ValueError(
            f"{path}: the checkpoint is of {checkpoint['facet_class']}, which is no FacetModule; derive it "
            "from lightning_modules.FacetModule"
        )
    for name, value in walk({key: value for key, value in settings.items() if key not in kind.built_in_training}):
        if is_target(name):
            _trusted_class(path, value, trusted)
        elif name != "tokenizer" and not isinstance(value, Mapping | list | tuple) and "${" in str(value):
            # OmegaConf would turn it into other values, even into a config with a `_target_` of its own
            raise ValueError(
                f"{path}: the checkpoint's setting {name}={value} refers to others, which could run code; expected "
                f"plain values, as train.py writes them"
            )
    try:
        module = kind(**settings)
        module.load_state_dict(checkpoint["state_dict"])
    except Exception as error:  # Hydra, PyTorch and missing arguments: each fails in its own way
        reason = _first_line(error.__cause__ or error)
        raise ValueError(
            f"{path}: the checkpoint does not fit this version of the networks ({reason}); "
            f"use the version that wrote it, or train again"
        ) from error
    module.record_training(_record(path, checkpoint))
    return module.eval()


def load_captioner(path: str | Path, *, trusted_packages: Sequence[str] = ()) -> CaptioningModule:
    """Rebuild a model that captions images; see `load_module`.

    Raises:
        ValueError: As `load_module`, or the model is of another kind.
    """
    module = load_module(path, trusted_packages=trusted_packages)
    if not isinstance(module, CaptioningModule):
        raise ValueError(f"{path}: expected a model that captions images, got {_described(module)}; name another")
    return module


def load_discrete_vae(path: str | Path, *, trusted_packages: Sequence[str] = ()) -> FrozenDiscreteVAE:
    """Rebuild the discrete VAE of a checkpoint, to be used as it is within another model; see `load_module`.

    Raises:
        ValueError: As `load_module`, or the model is of another kind.
    """
    return FrozenDiscreteVAE(load_image_coder(path, trusted_packages=trusted_packages).network)


def load_image_coder(path: str | Path, *, trusted_packages: Sequence[str] = ()) -> Any:
    """Rebuild a model whose `network` is a `DiscreteVAE`; see `load_module`.

    Raises:
        ValueError: As `load_module`, or the model is of another kind.
    """
    module = load_module(path, trusted_packages=trusted_packages)
    if not isinstance(getattr(module, "network", None), DiscreteVAE):
        raise ValueError(
            f"{path}: expected a discrete VAE (model=discrete_vae of train.py), got {_described(module)}; name another"
        )
    return module


def read_record(path: str | Path) -> TrainingRecord:
    """Return what a checkpoint was trained on.

    Raises:
        ValueError: The file is not there, or is no checkpoint of this project.
    """
    return _record(path, read_checkpoint(path))


def _record(path: str | Path, checkpoint: Mapping[str, Any]) -> TrainingRecord:
    try:
        return TrainingRecord.from_checkpoint(checkpoint.get("trained_on"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _described(module: FacetModule) -> str:
    """Return a model's class, and what it is by the first line of the class's docstring."""
    about = (inspect.getdoc(type(module)) or "").partition("\n")[0].rstrip(".")
    article = "an" if type(module).__name__[0] in "AEIOU" else "a"
    return f"{article} {type(module).__name__}" + (f" ({about[:1].lower()}{about[1:]})" if about else "")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _trusted_class(path: str | Path, target: Any, packages: Sequence[str]) -> type:
    """Return a class of a trusted package; not what such a package merely imports.

    Raises:
        ValueError: It is something else, or not there.
    """
    prefixes = tuple(f"{package}." for package in packages)
    if isinstance(target, str) and target.startswith(prefixes):
        try:
            found = get_object(target)
        except Exception as error:  # whatever its import raises
            raise ValueError(
                f"{path}: this version has no {target}; use the version that wrote the checkpoint, or train again"
            ) from error
        if isinstance(found, type) and f"{found.__module__}.".startswith(prefixes):
            return found
    raise ValueError(
        f"{path}: the checkpoint wants to build {target}, which is not a class of {', '.join(packages)}; if you trust "
        f"whoever made it, name its package: {HOW_TO_TRUST}"
    )
