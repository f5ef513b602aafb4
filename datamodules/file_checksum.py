"""What tells one file's content from another's."""

import hashlib
from pathlib import Path


def file_checksum(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
