"""What a class or function takes, with its annotations."""

import inspect
from collections.abc import Callable
from typing import Any, Unpack, get_args, get_origin, get_type_hints

from hydra.utils import get_object


def arguments_of(target: str) -> dict[str, inspect.Parameter] | None:
    """Return what a class or function takes, with its annotations, or None where that cannot be found out.

    What a constructor hands on to that of its base (`**options: Unpack[Options]`) is among it.
    """
    try:
        called = get_object(target)
        return _arguments_of_class(called) if isinstance(called, type) else _arguments(called)
    except Exception:  # no such object, names that are there for type checkers alone, classes in C
        return None


def _arguments_of_class(called: type) -> dict[str, inspect.Parameter]:
    owner = next(kind for kind in called.__mro__ if "__init__" in vars(kind))
    arguments = _arguments(called, hints_of=owner.__init__)  # type: ignore[misc]
    handed_on = next((name for name, a in arguments.items() if get_origin(a.annotation) is Unpack), None)
    if handed_on is None:
        return arguments
    (options,) = get_args(arguments.pop(handed_on).annotation)
    of_base = _arguments_of_class(owner.__mro__[1])
    return arguments | {name: of_base[name] for name in get_type_hints(options)}


def _arguments(called: Callable[..., Any], hints_of: Any = None) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(hints_of or called)
    parameters = inspect.signature(called).parameters
    return {name: argument.replace(annotation=hints.get(name, Any)) for name, argument in parameters.items()}
