"""Reading a checkpoint that may come from a stranger: no code of its own runs, and its errors are clear."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object

from lightning_modules.variational_captioner import CHECKPOINT_FORMAT, VariationalCaptioner

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
    checkpoint = _read(Path(path))
    found = checkpoint["facet_format"]
    if found != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path}: this checkpoint has format {found}, this version reads format {CHECKPOINT_FORMAT}; "
            f"use the version that wrote it, or train again"
        )
    settings = checkpoint["hyper_parameters"]
    for target in _targets(settings):
        _refuse_untrusted(path, target, (*TRUSTED_PACKAGES, *(f"{package}." for package in trusted_packages)))
    try:
        captioner = VariationalCaptioner(**settings)
        captioner.load_state_dict(checkpoint["state_dict"])
    except Exception as error:  # Hydra, PyTorch and missing arguments: each fails in its own way
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ValueError(
            f"{path}: the checkpoint does not fit this version of the networks ({reason}); "
            f"use the version that wrote it, or train again"
        ) from error
    return captioner.eval()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; expected a checkpoint written by train.py")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and storage errors come in many types
        raise ValueError(
            f"{path}: not a readable checkpoint ({str(error).splitlines()[0]}); expected one written by train.py"
        ) from error
    if not isinstance(checkpoint, dict) or not {"facet_format", "hyper_parameters", "state_dict"} <= checkpoint.keys():
        raise ValueError(f"{path}: not a checkpoint of this project; expected one written by train.py")
    return checkpoint


def _targets(settings: Any) -> Iterator[str]:
    """Yield every `_target_` of nested settings."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            if key == "_target_":
                yield value
            else:
                yield from _targets(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _targets(value)


def _refuse_untrusted(path: str | Path, target: str, packages: tuple[str, ...]) -> None:
    """Refuse what is not a class of a trusted package, also where such a package merely imports it."""
    trusted = target.startswith(packages)
    if trusted:
        found = get_object(target)
        trusted = isinstance(found, type) and f"{found.__module__}.".startswith(packages)
    if not trusted:
        raise ValueError(
            f"{path}: the checkpoint wants to build {target}, which is not a class of {', '.join(packages)}; "
            f"if you trust whoever made it, name the package in trusted_packages"
        )
