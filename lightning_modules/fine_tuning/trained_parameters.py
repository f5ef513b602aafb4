"""Which parameters of a network are trained."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn


def train_only(network: nn.Module, patterns: Sequence[str]) -> None:
    """Train only those of a network's parameters, of the ones that are trained, whose names fit a pattern.

    Args:
        network: The network.
        patterns: Such as `middle.*`; `*` stands for anything.

    Raises:
        ValueError: No parameter that is trained fits one of them.
    """
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in trained):
            parts = sorted({name.rpartition(".")[0] for name in trained})
            raise ValueError(
                f"trained_parameters: no parameter that is trained fits {pattern!r}; expected patterns of names below "
                f"{', '.join(parts)}"
            )
    for name, parameter in trained.items():
        parameter.requires_grad_(any(fnmatchcase(name, pattern) for pattern in patterns))
