"""Which images can be used, and which split each belongs to."""

import os
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from datamodules.caption_datamodule import SplitName
from datamodules.flickr8k.bad_data import BadData


def select_usable(
    wanted: Sequence[str],
    *,
    captions: Mapping[str, Sequence[str]],
    present: Set[str],
    outside: Set[str],
    bad: BadData,
) -> list[str]:
    """Return the wanted images that are in the folder and have a caption, and add the others to `bad`."""
    usable = []
    for image in wanted:
        if image not in present:
            bad.add("images that are not in the image folder", image)
        elif image in outside:
            bad.add("images that are links to files outside of data.root", image)
        elif not captions.get(image):
            bad.add("images without captions", image)
        else:
            usable.append(image)
    return usable


def links_outside(folder: Path, root: Path) -> set[str]:
    """Return the names of a folder's links that lead out of the folder and of the root, links themselves or not."""
    inside = folder.resolve(), root.resolve()
    links = [path for path in folder.iterdir() if path.is_symlink()]
    targets = [Path(os.path.realpath(link)) for link in links]  # unlike resolve(), also of links to each other
    return {
        link.name
        for link, target in zip(links, targets, strict=True)
        if not any(target.is_relative_to(place) for place in inside)
    }


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
