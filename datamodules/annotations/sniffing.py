"""Which of a folder's files hold captions, by their content."""

import re
from pathlib import Path

from datamodules.annotations.columns import USUAL, Columns
from datamodules.annotations.token_file import looks_like_token_file
from utils.text_files import kind_of_file

HEAD = 2**16  # bytes that are looked at
OBJECT = re.compile(r"\s*(?:\[\s*)?[{\[]")


def may_hold_captions(path: Path, columns: Columns) -> bool:
    """Return whether a file begins like one of annotations: a token file, a table with a header, JSON, or Parquet."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        return True
    text = head.decode("utf-8-sig", errors="replace")
    if kind_of_file(head) is not None or not text.strip():
        return False
    if looks_like_token_file(text) or OBJECT.match(text):
        return True
    first = text.lstrip().split("\n", 1)[0].lower()
    names = [name.strip().strip('"') for name in re.split(r"[,;\t|]", first)]
    return any(of.images_of(names) and of.captions_of(names) for of in (columns, USUAL))
