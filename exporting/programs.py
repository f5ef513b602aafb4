"""A part of a model as a program of `torch.export`, and as an ONNX file."""

import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from lightning_modules.exporting import Part


def export_program(part: Part) -> ExportedProgram:
    """Return a part as a program that takes any sizes along its dynamic axes."""
    with torch.no_grad(), _quiet():
        return torch.export.export(
            part.module, tuple(part.inputs.values()), dynamic_shapes=_dynamic_shapes(part), strict=False
        )


def write_program(part: Part, path: Path) -> None:
    """Write a part as a program: `torch.export.load(path).module()` runs it, without this project."""
    with _quiet():
        torch.export.save(export_program(part), path)


def write_onnx(part: Part, path: Path) -> None:
    """Write a part as an ONNX file, its inputs and outputs named as the part's."""
    program = export_program(part)
    with torch.no_grad(), _quiet():
        exported = torch.onnx.export(
            program, dynamo=True, input_names=[*part.inputs], output_names=[*part.outputs], verbose=False
        )
        assert exported is not None
        exported.save(path)


def _dynamic_shapes(part: Part) -> tuple[Any, ...]:
    """Return the dynamic axes as `torch.export` wants them: those of `*args` in a tuple of their own."""
    counted = {name for axes in part.dynamic.values() for name in axes.values()}
    dims = {name: Dim(name, max=part.longest[name]) if name in part.longest else Dim(name) for name in counted}
    shapes = [{axis: dims[name] for axis, name in part.dynamic[given].items()} for given in part.inputs]
    kinds = [parameter.kind for parameter in inspect.signature(part.module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return tuple(shapes)
    named = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*shapes[:named], tuple(shapes[named:]))


@contextmanager
def _quiet(names: Sequence[str] = ("torch.onnx", "torch.export", "onnxscript")) -> Iterator[None]:
    """Leave out what the exporters say of themselves: warnings of their own deprecated calls, and progress."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
