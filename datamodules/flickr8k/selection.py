"""Which images can be used, and which split each belongs to."""

from collections.abc import Mapping, Sequence, Set

from datamodules.caption_datamodule import SplitName
from datamodules.flickr8k.bad_data import BadData


def select_usable(
    wanted: Sequence[str], *, captions: Mapping[str, Sequence[str]], present: Set[str], bad: BadData
) -> list[str]:
    """Return the wanted images that are in the folder and have a caption, and add the others to `bad`."""
    usable = []
    for image in wanted:
        if image not in present:
            bad.add("images that are not in the image folder", image)
        elif not captions.get(image):
            bad.add("images without captions", image)
        else:
            usable.append(image)
    return usable


def drop_repeats(listed: Mapping[SplitName, Sequence[str]], bad: BadData) -> dict[SplitName, list[str]]:
    """Keep an image where it is listed first, so that no split shares one with another, and add repeats to `bad`."""
    seen: set[str] = set()
    kept: dict[SplitName, list[str]] = {}
    for split, images in listed.items():
        kept[split] = []
        for image in images:
            if image in seen:
                bad.add("images listed more than once", f"{image} in {split}")
            else:
                seen.add(image)
                kept[split].append(image)
    return kept
