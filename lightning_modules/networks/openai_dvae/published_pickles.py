"""Reads the two files that OpenAI has published, `encoder.pkl` and `decoder.pkl`, without running what is in them.

Each is a whole module in a pickle: read the usual way, it imports and runs whatever code it names, among it the package
`dall_e` and layers of PyTorch as they were in 2021. Here each of their classes is replaced by one that only keeps what
it is given, PyTorch's restricted reader refuses everything else, and the tensors are picked from what was kept.
"""

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

CLASSES = (
    "dall_e.encoder.Encoder",
    "dall_e.encoder.EncoderBlock",
    "dall_e.decoder.Decoder",
    "dall_e.decoder.DecoderBlock",
    "dall_e.utils.Conv2d",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.upsampling.Upsample",
    "torch.nn.modules.linear.Identity",
)
"""Of the modules in the published files."""
MOST_BYTES = 2_000_000_000  # of a file's content; the larger of the published ones holds a tenth of that


class KeptModule:
    """Stands in for a module of a pickle: it keeps what the pickle says of it, and does nothing."""

    kept: Mapping[str, Any] = MappingProxyType({})

    def __setstate__(self, state: Any) -> None:
        self.kept = state if isinstance(state, dict) else {}


def read_published(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a published file by name.

    Raises:
        ValueError: The file is not there, is damaged, has PyTorch's format before 1.6, or holds something else.
    """
    _check_archive(path)
    with torch.serialization.safe_globals([(KeptModule, name) for name in CLASSES]):
        try:
            others = torch.serialization.get_unsafe_globals_in_checkpoint(path)
            if others:
                raise ValueError(f"it names {min(others)[:100]}, which they do not; nothing of it was run")
            module = torch.load(path, map_location="cpu", weights_only=True)
            return dict(_tensors(module, "", set()))
        except Exception as error:  # a strange pickle fails in many ways; all mean the same to the user
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            if isinstance(error, pickle.UnpicklingError):  # whose message advises to read it without the restrictions
                reason = "PyTorch's restricted reader refuses it; nothing of it was run"
            raise ValueError(f"{path}: expected one of the files that OpenAI has published: {reason}") from error


def _check_archive(path: Path) -> None:
    """Raise a `ValueError` unless a file is an undamaged archive of the size that can be expected."""
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; expected encoder.pkl or decoder.pkl as OpenAI published it")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path}: expected the zip format that PyTorch writes from version 1.6 on, got another one; if the file is "
            f"of an older version, load it there and save it with torch.save in a newer one"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > MOST_BYTES:
                raise zipfile.BadZipFile(f"its content has {size:,} bytes, more than {MOST_BYTES:,}")
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"{damaged} is damaged")
    except Exception as error:  # a damaged archive fails in many ways
        raise ValueError(f"{path}: not a usable archive ({error}); copy the file again") from error


def _tensors(module: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield the names and tensors of a kept module and of those within it, as a state dict has them."""
    if not isinstance(module, KeptModule):
        raise ValueError(f"it holds a {type(module).__name__} at {prefix or 'its root'}, where they have a module")
    if id(module) in seen:
        raise ValueError(f"it holds the module at {prefix} twice")
    seen.add(id(module))
    for name, tensor in (*_named(module, "_parameters"), *_named(module, "_buffers")):
        if tensor is not None:
            if not isinstance(tensor, Tensor):
                raise ValueError(f"it holds a {type(tensor).__name__} at {prefix}{name}, where they have a tensor")
            yield f"{prefix}{name}", tensor.detach()
    for name, child in _named(module, "_modules"):
        yield from _tensors(child, f"{prefix}{name}.", seen)


def _named(module: KeptModule, kind: str) -> list[tuple[str, Any]]:
    named = module.kept.get(kind, {})
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named):
        raise ValueError(f"its modules have no usable {kind}")
    return list(named.items())
