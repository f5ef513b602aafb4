"""Tells whether a data set is the one that it was."""

from collections.abc import Mapping

from datamodules.split import CaptionSplit, SplitName
from utils.cache_key import cache_key


def fingerprint(splits: Mapping[SplitName, CaptionSplit]) -> dict[str, str]:
    """Return a checksum of the images and one of the captions of each split, by what it is of."""
    found = {}
    for name, split in splits.items():
        found[f"images of the {name} split"] = split.image_fingerprint
        found[f"captions of the {name} split"] = cache_key(names=split.image_names, captions=split.captions)
    return found


def refuse_changed_data(saved: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Compare the fingerprint that a checkpoint holds with the data's own.

    Raises:
        ValueError: The checkpoint is of a run on other data.
    """
    changed = [part for part, checksum in own.items() if saved.get(part) != checksum]
    if changed:
        raise ValueError(
            f"the data changed since the checkpoint was written: {', '.join(changed)}; bring the old data back, or "
            f"start a new run from the weights with pretrained_model=CHECKPOINT pretrained_skip=null"
        )
