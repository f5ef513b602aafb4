"""Reading a checkpoint that may come from a stranger: no code of its own runs, and its errors are clear."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.utils import get_object

from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.formats import read_checkpoint
from lightning_modules.checkpoints.remembering import TRAINED_ON
from lightning_modules.variational_captioner import VariationalCaptioner

TRUSTED_PACKAGES = ("lightning_modules.", "torch.optim.")


def load_captioner(path: str | Path, *, trusted_packages: tuple[str, ...] = ()) -> VariationalCaptioner:
    """Rebuild a trained captioner from its checkpoint alone, on the CPU, in evaluation mode.

    The file is read with `weights_only=True`, and the classes that its configs name must be this project's own, or
    PyTorch's optimizers and schedulers.

    Args:
        path: A checkpoint that `train.py` wrote.
        trusted_packages: Packages of yours that the checkpoint may build networks from, such as `my_encoders`.

    Raises:
        ValueError: The file is not there, is no checkpoint of this project, is of another version, or names a class
            outside of the trusted packages.
    """
    checkpoint = read_checkpoint(path)
    settings = checkpoint["hyper_parameters"]
    packages = (*TRUSTED_PACKAGES, *(f"{package}." for package in trusted_packages))
    for name, value in _leaves(settings):
        if name == "_target_":
            _refuse_untrusted(path, value, packages)
        elif name != "tokenizer" and "${" in str(value):
            # OmegaConf would turn it into other values, even into a config with a `_target_` of its own
            raise ValueError(f"{path}: the checkpoint's setting {name} is to be interpreted ({value}); that is refused")
    try:
        captioner = VariationalCaptioner(**settings)
        captioner.load_state_dict(checkpoint["state_dict"])
    except Exception as error:  # Hydra, PyTorch and missing arguments: each fails in its own way
        reason = _first_line(error.__cause__ or error)
        raise ValueError(
            f"{path}: the checkpoint does not fit this version of the networks ({reason}); "
            f"use the version that wrote it, or train again"
        ) from error
    captioner.record_training(_record(path, checkpoint))
    return captioner.eval()


def read_record(path: str | Path) -> TrainingRecord:
    """Return what a checkpoint was trained on.

    Raises:
        ValueError: The file is not there, or is no checkpoint of this project.
    """
    return _record(path, read_checkpoint(path))


def _record(path: str | Path, checkpoint: Mapping[str, Any]) -> TrainingRecord:
    try:
        return TrainingRecord.from_checkpoint(checkpoint.get(TRAINED_ON))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _leaves(settings: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested settings with the name of the setting that it stands in."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _leaves(value, str(key))
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _leaves(value, name)
    else:
        yield name, settings


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refuse_untrusted(path: str | Path, target: Any, packages: tuple[str, ...]) -> None:
    """Refuse what is not a class of a trusted package, also where such a package merely imports it."""
    trusted = isinstance(target, str) and target.startswith(packages)
    if trusted:
        try:
            found = get_object(target)
        except Exception as error:  # whatever its import raises
            raise ValueError(
                f"{path}: this version has no {target}; use the version that wrote the checkpoint, or train again"
            ) from error
        trusted = isinstance(found, type) and f"{found.__module__}.".startswith(packages)
    if not trusted:
        raise ValueError(
            f"{path}: the checkpoint wants to build {target}, which is not a class of {', '.join(packages)}; "
            f"if you trust whoever made it, name the package in trusted_packages"
        )
