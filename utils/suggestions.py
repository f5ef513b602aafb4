"""What a misspelled name may have been meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

CLOSE = 0.7  # share of letters in common, as difflib counts them


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one; None if none is alike."""
    by_letters = {_letters(other): other for other in known}
    found = get_close_matches(_letters(name), by_letters, n=1, cutoff=CLOSE)
    return by_letters[found[0]] if found else None


def _letters(name: str) -> str:
    return name.lower().lstrip("-")  # the dashes of options are no likeness


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)` for messages on a name that is not there, or nothing."""
    found = nearest(name, known)
    return "" if found is None else f" (did you mean {found}?)"


def beside(path: Path) -> str:
    """Return the same for a file or folder that is not there, of those in its folder."""
    folder = path.parent
    found = nearest(path.name, [other.name for other in folder.iterdir()]) if folder.is_dir() else None
    return "" if found is None else f" (did you mean {folder / found}?)"
