"""Which images can be used, and which split each belongs to."""

import logging
import os
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from datamodules.caption_datamodule import SplitName
from datamodules.image_files.bad_data import BadData

log = logging.getLogger(__name__)

# the published captions are of 8,092 images, of which the archive lacks 2258277193_586949ec62.jpg.1
NEVER_PUBLISHED = re.compile(r"\d+_[0-9a-f]{10}\.jpg\.1")


def select_usable(
    selected: Sequence[str],
    *,
    captions: Mapping[str, Sequence[str]],
    present: Set[str],
    outside: Set[str],
    broken: Set[str],
    bad: BadData,
) -> list[str]:
    """Return the wanted images that are in the folder and have a caption, and add the others to `bad`."""
    usable = []
    capitals = {name.casefold(): name for name in present}
    for image in selected:
        if image in present and image in broken:
            bad.add("images that are links to files that are not there", image)
        elif image in present and image in outside:
            bad.add("images that are links to files outside of data.root, which data.follow_links=true allows", image)
        elif image in present and not captions.get(image):
            bad.add("images without captions", image)
        elif image in present:
            usable.append(image)
        elif image.casefold() in capitals:
            named = f"{image} is {capitals[image.casefold()]}"
            bad.add("images whose files have other capital letters than their names in the lists", named)
        elif NEVER_PUBLISHED.fullmatch(image):
            log.warning("left out %s, which has captions but was never published as an image", image)
        else:
            bad.add("images that are not in the image folder", image)
    return usable


def links_of(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return those files that are links."""
    return {name: file for name, file in files.items() if file.is_symlink()}


def broken_links(links: Mapping[str, Path]) -> set[str]:
    """Return the names of links to files that are not there, such as links in a circle."""
    return {name for name, link in links.items() if not link.exists()}


def links_outside(links: Mapping[str, Path], root: Path) -> set[str]:
    """Return the names of links that lead out of their folder and of the root, links themselves or not."""
    inside = {os.path.realpath(place) for link in [*links.values()][:1] for place in (link.parent, root)}
    targets = {name: Path(os.path.realpath(link)) for name, link in links.items()}
    return {name for name, target in targets.items() if not any(map(target.is_relative_to, inside))}


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
