"""Tells whether a data set is the one that it was."""

from collections.abc import Mapping

from datamodules.cache_key import cache_key
from datamodules.caption_split import CaptionSplit, SplitName


def fingerprint(splits: Mapping[SplitName, CaptionSplit]) -> dict[str, str]:
    """Return a checksum of the images and one of the captions of each split, by what it is of."""
    found = {}
    for name, split in splits.items():
        found[f"images of the {name} split"] = split.image_fingerprint
        found[f"captions of the {name} split"] = cache_key(names=split.image_names, captions=split.captions)
    return found
