"""Libraries of others that tests compare with, and that need more to be imported than what is compared.

`dalle_pytorch` 1.6.6 imports, for networks of others that no test asks for, packages that are not to be had everywhere.
"""

import importlib
import importlib.metadata
import sys
from types import ModuleType
from typing import Any
from unittest.mock import patch


def dalle_pytorch() -> Any:
    """Return the module `dalle_pytorch.dalle_pytorch`."""
    if "dalle_pytorch" not in sys.modules:
        stand_ins = {
            name: ModuleType(name)
            for name in ("requests", "taming", "taming.models", "taming.models.vqgan", "pkg_resources")
        }
        for name in ("VQModel", "GumbelVQ"):
            setattr(stand_ins["taming.models.vqgan"], name, object)
        stand_ins["pkg_resources"].get_distribution = importlib.metadata.distribution  # type: ignore[attr-defined]
        with patch.dict(sys.modules, stand_ins):
            importlib.import_module("dalle_pytorch")
            ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "dalle_pytorch"}
        sys.modules.update(ours)  # which the end of the patch has taken away
    return importlib.import_module("dalle_pytorch.dalle_pytorch")
