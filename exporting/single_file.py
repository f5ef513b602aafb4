"""The runner as one file, which lies beside an exported model and needs nothing of this project."""

import ast
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

MODULES = ("main", "words", "images", "text", "beams", "model")
"""Of `exporting.runner`: the first with its docstring at the head and its functions at the end."""
OWN = "exporting.runner"


def single_file() -> str:
    """Return the modules of the runner as one: without imports of each other, all other imports at the head."""
    folder = Path(__file__).parent / "runner"
    texts = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    parts = [f'"""{_docstring(trees[MODULES[0]])}"""\n\n{_imports([*trees.values()])}']
    for name in (*MODULES[1:], MODULES[0]):
        about = "" if name == MODULES[0] else f"{_as_comment(_docstring(trees[name]))}\n\n\n"
        parts.append(about + _body(texts[name], trees[name]))
    return "\n\n\n".join(parts) + "\n"


def _docstring(tree: ast.Module) -> str:
    return ast.get_docstring(tree, clean=False) or ""


def _as_comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.strip().splitlines())


def _imports(trees: Sequence[ast.Module]) -> str:
    """Return what the modules import beside each other, what comes from one place in one line."""
    plain: set[str] = set()
    names: dict[str, set[str]] = defaultdict(set)
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.Import):
            plain.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith(OWN):
            names[str(node.module)] |= {alias.name for alias in node.names}
    lines = [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]
    return "\n".join([*sorted(plain), *lines])


def _body(text: str, tree: ast.Module) -> str:
    """Return a module without its docstring and its imports, its comments kept."""
    first = next(node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr))
    return "\n".join(text.splitlines()[first.lineno - 1 :]).strip()
