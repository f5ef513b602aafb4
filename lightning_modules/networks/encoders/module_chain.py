"""The modules of a network that follow one another from a given one on: what can be computed from that one's input."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class ModuleChain(NamedTuple):
    """Modules of a network, each of which reads what the one before it returns.

    Attributes:
        names: Of the modules, the first to the last; the last one's output is the network's.
        input_shape: Of what the first one reads, without the batch.
    """

    names: Sequence[str]
    input_shape: torch.Size


class _Call(NamedTuple):
    name: str
    inputs: tuple[Any, ...]
    output: Any


def chain_from(network: nn.Module, first: str, run: Callable[[], Tensor]) -> ModuleChain:
    """Return the modules that a network calls from `first` on.

    Args:
        network: A network.
        first: Name of a module, such as `blocks.6`.
        run: Computes an output by it.

    Raises:
        ValueError: It calls no module of that name, or does something else between the modules after it.
    """
    calls, output = _calls(network, first, run)
    numbers = [number for number, call in enumerate(calls) if call.name == first]
    if not numbers:
        known = [call.name for call in _calls(network, "", run)[0]]
        of_sequences = [f"{name}.{child}" for name in known for child in _steps(network.get_submodule(name))]
        raise ValueError(f"there is no such block; expected one of {', '.join([*known, *of_sequences])}")
    chain = calls[numbers[0] :]
    for before, after in pairwise(chain):
        if len(after.inputs) != 1 or after.inputs[0] is not before.output:
            raise ValueError(f"{after.name} reads more than {before.name} returns; choose {after.name} or a later one")
    if chain[-1].output is not output or len(chain[0].inputs) != 1:
        raise ValueError("the features cannot be computed from this block's input by its modules alone; choose another")
    return ModuleChain(tuple(call.name for call in chain), chain[0].inputs[0].shape[1:])


def input_of(module: nn.Module, run: Callable[[], object]) -> Tensor:
    """Return what a module reads where `run` computes something by it; what would come after it is left out."""

    def stop(module: nn.Module, inputs: tuple[Tensor]) -> None:
        raise _Reached(inputs[0])

    hook = module.register_forward_pre_hook(stop)
    try:
        run()
    except _Reached as reached:
        return reached.value
    finally:
        hook.remove()
    raise AssertionError("the module was not called")


class _Reached(Exception):  # noqa: N818  # no error
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value


def _calls(network: nn.Module, first: str, run: Callable[[], Tensor]) -> tuple[list[_Call], Tensor]:
    """Return the calls of the outermost modules that do not hold `first`, in order, and the output."""
    calls: list[_Call] = []
    within: list[str] = []
    hooks = []
    for name, module in network.named_modules():

        def enter(module: nn.Module, inputs: Any, named: Any, *, name: str = name) -> None:
            within.append(name)

        def leave(module: nn.Module, inputs: Any, named: Any, output: Any, *, name: str = name) -> None:
            within.pop()
            if not _holds(name, first) and all(_holds(outer, first) for outer in within):
                calls.append(_Call(name, (*inputs, *named.values()), output))

        hooks += [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave, with_kwargs=True),
        ]
    try:
        return calls, run()
    finally:
        for hook in hooks:
            hook.remove()


def _holds(outer: str, inner: str) -> bool:
    """Return whether one module is within another one, by their names."""
    return outer == "" or inner.startswith(f"{outer}.")


def _steps(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()] if isinstance(module, nn.Sequential) else []
