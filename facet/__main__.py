"""Start one of the scripts by its name, from any folder.

facet COMMAND …, which is python COMMAND.py … in a clone; facet --help lists them, facet COMMAND --help tells of one
"""

import ast
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from utils.scripts import FACET

COMMANDS = ("train", "caption", "draw", "demo", "evaluate", "score", "export", "average", "write_shards")

START = """\
to begin with:
  facet caption --example    describes drawn scenes with the model that comes with the package
  facet train                trains such a model, in minutes
  facet train --help         lists all settings"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; without one, or with an unknown one, tell which there are."""
    arguments = [*(sys.argv[1:] if arguments is None else arguments)]
    name = arguments[0].replace("-", "_") if arguments else ""
    if not name or name in ("__help", "_h", "help"):
        print(overview())
        return
    if name == "__version":
        from utils.version import facet_version

        print(f"facet {facet_version()}")
        return
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        advice = f"did you mean {near[0]}? " if near else ""
        sys.exit(f"error: facet {arguments[0]}: there is no such command; {advice}choose one of {', '.join(COMMANDS)}")
    os.environ[FACET] = "1"  # so that the scripts print commands that begin with `facet`
    sys.argv = [name, *arguments[1:]]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def overview() -> str:
    """Return what there is, as `facet --help` prints it."""
    lines = [f"  {name:13} {about}" for name, about in descriptions().items()]
    return "\n".join(["usage: facet COMMAND …\n", *lines, "", START])


def descriptions() -> Mapping[str, str]:
    """Return how each script's docstring begins, up to a colon; nothing is imported for it."""
    return {name: _first_line(name).partition(":")[0].rstrip(".") for name in COMMANDS}


def _first_line(name: str) -> str:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]


if __name__ == "__main__":
    main()
