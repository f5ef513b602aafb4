"""What stands in the files of `conf/`: every key is explained, and no default stands twice with two values."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests.tiny_run import ROOT
from utils.arguments import arguments_of

FILES = sorted((ROOT / "conf").rglob("*.yaml"))
OURS = ("callbacks", "datamodules", "lightning_modules", "metrics")
KEY = re.compile(r"(?P<indent> *)(?P<name>\w+):(?P<value>.*)")
GENERAL = "lightning_modules.schedules."  # whose values are those of what follows them, not their own


def _name(path: Path) -> str:
    return path.relative_to(ROOT / "conf").as_posix()


def _keys_of(content: Any) -> set[str]:
    if not isinstance(content, dict):
        return set()
    return {str(key) for key in content} | {key for inner in content.values() for key in _keys_of(inner)}


def _inherited(path: Path) -> set[str]:
    """Return the keys of the options of the same group that an option is made of, and these are: they explain them."""
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    bases = [entry for entry in content.get("defaults", []) if isinstance(entry, str) and entry != "_self_"]
    found = [path.with_name(f"{base}.yaml") for base in bases]
    there = [base for base in found if base.is_file()]
    own = {key for base in there for key in _keys_of(OmegaConf.to_container(OmegaConf.load(base)))}
    return own.union(*map(_inherited, there))


@pytest.mark.parametrize("path", [path for path in FILES if "experiment" not in path.parts], ids=_name)
def test_every_key_has_a_comment(path: Path) -> None:
    """Beside it or above it; what the parts under `hydra` and the mappings that only hold others are needs none."""
    lines, inherited, bare = path.read_text("utf-8").splitlines(), _inherited(path), []
    within_hydra = False
    for number, line in enumerate(lines):
        found = KEY.fullmatch(line)
        if found is None:
            continue
        if not found["indent"]:
            within_hydra = found["name"] == "hydra" and path.parent.name == "conf"
        holds_others = not found["value"].strip()
        explained = "#" in found["value"] or lines[max(number - 1, 0)].lstrip().startswith("#")
        if not (holds_others or within_hydra or explained or found["name"] in inherited or found["name"][0] == "_"):
            bare.append(f"{number + 1}: {line.strip()}")
    assert bare == []


def _uses(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield each part that names a class or function of this project."""
    if isinstance(content, dict):
        if str(content.get("_target_", "")).split(".")[0] in OURS:
            yield content
        for inner in content.values():
            yield from _uses(inner)


def test_a_default_of_python_is_that_of_an_option() -> None:
    uses: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for path in FILES:
        for use in _uses(OmegaConf.to_container(OmegaConf.load(path), resolve=False)):
            uses[use["_target_"]].append(use)
    other = []
    for target, of_target in uses.items():
        for name, parameter in (arguments_of(target) or {}).items():
            if parameter.default is parameter.empty or target.startswith(GENERAL):
                continue
            values = [use[name] for use in of_target if name in use]
            same = any(value == parameter.default or "${" in str(value) for value in values)
            if len(values) == len(of_target) and not same and [*values[0:1]] != [[]]:
                other.append(f"{target}({name}={parameter.default!r}), in YAML {values}")
    assert other == []
