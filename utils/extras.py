"""Libraries that only some tasks need, the extras of pyproject.toml: what is missing is told before anything begins."""

from importlib.util import find_spec


def require_libraries(asking: str, *libraries: str, extra: str) -> None:
    """Raise a `ValueError` that says how to install what is missing, unless all libraries are there; import none.

    Args:
        asking: What needs them: an option, or a task.
        libraries: By the names that they are imported and installed by.
        extra: The extra that they are in.
    """
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"{asking} needs {', '.join(missing)}, not installed here; run: pip install {' '.join(missing)} "
            f"(or, in a clone: uv sync --extra {extra})"
        )
