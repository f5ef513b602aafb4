"""What becomes of rows that cannot be used: an error at the first, or an account of all."""

from types import TracebackType
from typing import Protocol

ROWS = "rows of annotations that cannot be used"


class Problems(Protocol):
    """Where rows are noted that are left out, such as `image_files.bad_data.BadData`."""

    def add(self, kind: str, name: str) -> None:
        """Note one of them; `kind` says in the plural what is wrong with it."""
        ...


class LeftOut:
    """A context for one row after another: where problems are noted, a `ValueError` is one, and the row is left out.

    Args:
        problems: Where they are noted; None lets the first one be an error.
        folder: Of the file, which notes leave out; "" for none.

    Attributes:
        first: What is wrong with the first of them; None as long as all are well.
    """

    def __init__(self, problems: Problems | None = None, folder: str = "") -> None:
        self.problems = problems
        self.folder = folder
        self.first: str | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self.problems is None or not isinstance(error, ValueError):
            return False
        self.first = self.first or str(error)
        self.problems.add(ROWS, str(error).replace(self.folder, "") if self.folder else str(error))
        return True


STRICT = LeftOut()
"""Lets every row that cannot be used be an error."""
