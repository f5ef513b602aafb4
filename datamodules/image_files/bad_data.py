"""An account of everything in the data set that cannot be used."""

import json
import logging
from collections import defaultdict
from pathlib import Path
from typing import Literal

from utils.display import SHOWN, listed
from utils.files import atomic_write_text

log = logging.getLogger(__name__)

OnBadData = Literal["error", "skip"]
MOST_LETTERS = 200  # of a name in a message; that of a file has 255 bytes at most


class BadData:
    """Collects what is wrong, by kind and with names, to be refused or skipped in one go."""

    def __init__(self) -> None:
        self.names_of_kind: dict[str, list[str]] = defaultdict(list)
        self.place_of_kind: dict[str, str] = {}

    def add(self, kind: str, name: str, place: str | None = None) -> None:
        """Note one item; `kind` says in the plural what is wrong with it, and `place` where the first one is named."""
        self.names_of_kind[kind].append(name)
        if place is not None:
            self.place_of_kind.setdefault(kind, place)

    def __str__(self) -> str:
        return "; ".join(
            f"{len(names)} {kind} ({listed(map(_short, names[:SHOWN]), len(names))}){self._place(kind)}"
            for kind, names in self.names_of_kind.items()
        )

    def _place(self, kind: str) -> str:
        return f", named first in {self.place_of_kind[kind]}" if kind in self.place_of_kind else ""

    def settle(self, on_bad_data: OnBadData, *, root: Path | str, report: Path, setting: str = "data.root") -> None:
        """Write all names to a file, then raise an error or log a warning; nothing where all is well.

        Args:
            on_bad_data: `error` or `skip`.
            root: Where the data are.
            report: The file.
            setting: That names the root.

        Raises:
            ValueError: There is bad data and `on_bad_data` is `error`.
        """
        if not self.names_of_kind:
            return
        content = json.dumps({"root": str(root), **self.names_of_kind}, indent=2, ensure_ascii=False)
        try:
            atomic_write_text(report, content)
            named = f"all are named in {report}"
        except OSError as error:  # it is for reading only: on a disk that cannot be written the data are as good
            named = f"{report}, which would name all, cannot be written ({error.strerror})"
        if on_bad_data == "error":
            raise ValueError(
                f"{setting}={root}: expected every caption and image to be usable, got {self}; {named}; repair them or "
                f"set data.on_bad_data=skip to leave them out"
            )
        log.warning("%s=%s: left out %s; %s", setting, root, self, named)


def _short(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…"
