"""One way to name what a cache holds: by everything that its content depends on."""

import ast
import hashlib
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from functools import lru_cache, partial
from pathlib import Path, PurePath
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from PIL import features
from torch import Tensor


class Checksummed(ABC):
    """What tells a checksum of its content, by which a cache is named, for the content may be too large to be read."""

    @property
    @abstractmethod
    def checksum(self) -> str:
        """A checksum of all that it holds."""


def cache_key(**parts: object) -> str:
    """Return a checksum of named parts, in hexadecimal: equal for equal parts, in whatever order dicts have them.

    Parts are plain values, collections, arrays, tensors, functions and objects with all that they hold. Of functions
    and classes the code counts, too. A path stands for itself alone: give the checksum of a file's content beside it.

    Raises:
        ValueError: A part holds something that cannot be told from another of its kind, such as an open file.
    """
    return hashlib.sha256(_as_json(_plain(parts, ())).encode()).hexdigest()


def reader_version() -> dict[str, str | None]:
    """Return what the pixels of an image file depend on beside the file: our reader and the libraries under it."""
    return {
        "reader": sources_of("datamodules.image_files.reading"),
        "PIL": PIL.__version__,
        "jpeg": features.version("jpg"),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


@lru_cache
def sources_of(module: str) -> str:
    """Return a checksum of a module's source, and of those that it imports from its own package."""
    package = module.split(".")[0]
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name not in found and path is not None:
            found[name] = path.read_text(encoding="utf-8")
            waiting += [other for other in _imported(found[name]) if other.split(".")[0] == package]
    return hashlib.sha256(_as_json(sorted(found.items())).encode()).hexdigest()


def _imported(source: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _file_of(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file is not None and file.endswith(".py") else None


@lru_cache
def _source(module: str) -> str:
    path = _file_of(module)
    return "" if path is None or not path.is_file() else hashlib.sha256(path.read_bytes()).hexdigest()


def _as_json(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True)


def _plain(value: Any, within: tuple[int, ...]) -> Any:
    """Return what JSON can write of a value; collections and all else begin with the name of their kind."""
    if isinstance(value, Enum):
        return ["enum", *_code(type(value)), value.name]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return ["bytes", hashlib.sha256(value).hexdigest()]
    if isinstance(value, PurePath):
        return ["path", str(value)]
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous()
        pixels = value.reshape(-1).view(torch.uint8).numpy()
        return ["tensor", str(value.dtype), [*value.shape], hashlib.sha256(pixels.data).hexdigest()]
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        return ["array", value.dtype.str, [*value.shape], hashlib.sha256(value.tobytes()).hexdigest()]
    if id(value) in within:
        return ["within", within[::-1].index(id(value))]
    return _compound(value, (*within, id(value)))


def _compound(value: Any, within: tuple[int, ...]) -> Any:
    if isinstance(value, Checksummed):
        return ["checksum", value.checksum]
    if isinstance(value, Mapping):
        pairs = [[_plain(key, within), _plain(of_key, within)] for key, of_key in value.items()]
        return ["mapping", *sorted(pairs, key=_as_json)]
    if isinstance(value, Set):
        return ["set", *sorted((_plain(part, within) for part in value), key=_as_json)]
    if isinstance(value, Sequence):
        return ["sequence", *(part if type(part) is str else _plain(part, within) for part in value)]
    if isinstance(value, type):
        return ["class", *_code(value)]
    if isinstance(value, partial):
        return ["partial", *(_plain(part, within) for part in (value.func, value.args, value.keywords))]
    if isinstance(value, FunctionType):
        captured = [cell.cell_contents for cell in value.__closure__ or ()]
        holds = (value.__code__, value.__defaults__, value.__kwdefaults__, captured)
        return ["function", *_code(value), *(_plain(part, within) for part in holds)]
    if isinstance(value, CodeType):
        parts = (value.co_code, value.co_consts, value.co_names)
        return ["code", *(_plain(part, within) for part in parts)]
    if isinstance(value, MethodType):
        return ["method", _plain(value.__func__, within), _plain(value.__self__, within)]
    if isinstance(value, BuiltinFunctionType):
        owner = None if isinstance(value.__self__, ModuleType) else _plain(value.__self__, within)
        return ["builtin", str(value.__module__), value.__qualname__, owner]
    if isinstance(value, complex | EllipsisType | torch.dtype | np.dtype):
        return [type(value).__name__, repr(value)]
    return _object(value, within)


def _object(value: Any, within: tuple[int, ...]) -> Any:
    """Return an object's class and all that it holds, as it would be pickled."""
    try:
        reduced = value.__reduce_ex__(2)
    except Exception as error:  # classes say in their own ways that they cannot be told apart
        raise ValueError(
            f"a {type(value).__module__}.{type(value).__qualname__} cannot be told from another one ({error}), so that "
            f"nothing that depends on it can be kept; use plain values, functions or objects of Python classes"
        ) from error
    if isinstance(reduced, str):
        return ["global", *_code(type(value)), reduced]
    parts = [[*part] if part is not None and number in (3, 4) else part for number, part in enumerate(reduced)]
    return ["object", *(_plain(part, within) for part in parts)]


def _code(of: Any) -> tuple[str, str, str]:
    """Return a class's or function's name, and a checksum of the file that it is in."""
    return str(of.__module__), of.__qualname__, _source(str(of.__module__))
