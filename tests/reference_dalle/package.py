"""The package `dalle_pytorch` 1.6.6, imported without what the parts under comparison do not need."""

import importlib
import sys
from functools import cache
from types import ModuleType, SimpleNamespace

import pytest

NOT_NEEDED: dict[str, dict[str, object]] = {
    "taming": {},
    "taming.models": {},
    "taming.models.vqgan": {"VQModel": object, "GumbelVQ": object},
    "pkg_resources": {"get_distribution": lambda _: SimpleNamespace(version="1.6.6")},
}
"""What the package imports on top, and what it takes from there: of VQGANs, and of its own version."""


@cache
def dalle_pytorch() -> ModuleType:
    """Import the package; modules that stand in for others are gone afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, content in NOT_NEEDED.items():
            module = ModuleType(name)
            vars(module).update(content)
            patch.setitem(sys.modules, name, module)
        importlib.import_module("dalle_pytorch.transformer")
        return importlib.import_module("dalle_pytorch")
