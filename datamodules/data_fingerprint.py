"""Tells whether a data set is the one that it was."""

import hashlib
import json
from collections.abc import Mapping

from datamodules.caption_split import CaptionSplit, SplitName


def fingerprint(splits: Mapping[SplitName, CaptionSplit]) -> dict[str, str]:
    """Return a checksum of the images and one of the captions of each split, by what it is of."""
    found = {}
    for name, split in splits.items():
        captions = json.dumps([[*map(str, split.image_names)], [[*group] for group in split.captions]])
        found[f"images of the {name} split"] = split.image_fingerprint
        found[f"captions of the {name} split"] = hashlib.sha256(captions.encode()).hexdigest()
    return found
