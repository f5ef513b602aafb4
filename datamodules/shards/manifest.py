"""What a folder of shards is to hold when it is whole: written before the first shard, and once more after the last."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from utils.files import atomic_write_text

NAME = "shards.json"


class Manifest(NamedTuple):
    """An account of a folder of shards.

    Attributes:
        source: A checksum of what they are written from, and how.
        num_shards: How many shards each split has.
        num_images: How many images each split has.
        complete: Whether all of them are there.
    """

    source: str
    num_shards: Mapping[str, int]
    num_images: Mapping[str, int]
    complete: bool

    def write(self, folder: Path) -> None:
        """Write it into the folder of the shards."""
        atomic_write_text(folder / NAME, f"{json.dumps(self._asdict(), indent=2)}\n")


def read_manifest(folder: Path) -> Manifest | None:
    """Return the account of a folder; None where there is none, as of shards that others have written.

    Raises:
        ValueError: The file is another.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        found = Manifest(**{name: fields[name] for name in Manifest._fields})
        if not isinstance(found.num_shards, dict) or not isinstance(found.num_images, dict):
            raise TypeError("no numbers by split")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path}: expected an account that write_shards.py wrote, got another ({error!r}); remove it, or write the "
            f"shards again"
        ) from error
    return found


def refuse_incomplete(folder: Path, shards_of_split: Mapping[str, Sequence[str]]) -> None:
    """Refuse a folder that lacks shards.

    Args:
        folder: Of the shards.
        shards_of_split: The shards that were found in it, by split.

    Raises:
        ValueError: It was not written to its end, or shards are gone.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return
    if not manifest.complete:
        raise ValueError(f"data.root={folder}: the shards were not written to their end; run write_shards.py again")
    for split, shards in shards_of_split.items():
        expected = manifest.num_shards.get(split, len(shards))
        if len(shards) < expected:
            raise ValueError(
                f"data.root={folder}: expected {expected} shards of the {split} split, as {NAME} has it, got "
                f"{len(shards)}; bring the others back, or name those to use in data.{split}"
            )
