"""Whatever is printed can be printed: names of files that are no text, and letters that the terminal does not have."""

import io
import sys


def show_any_text() -> None:
    r"""Let stdout and stderr write what their encoding lacks as `\xe9` and the like, where they would raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_unicode(text: str) -> str:
    """Return a text in which lone surrogates, as names of files have them for bytes that are no text, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
