"""Which images can be used, and which split each belongs to."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from datamodules.image_files.bad_data import BadData
from datamodules.image_files.image_folder import ImageFolder
from datamodules.split import SplitName

log = logging.getLogger(__name__)

# the published captions are of 8,092 images, of which the archive lacks 2258277193_586949ec62.jpg.1
NEVER_PUBLISHED = re.compile(r"\d+_[0-9a-f]{10}\.jpg\.1")
MISSING = "images that are not in the image folder"


class UsableImages:
    """Tells which images are in the folder and have a caption.

    Args:
        folder: The image folder.
        found: The names of the files that each image may be (`ImageFolder.find`).
        captions: Of each image.
        root: Links must not lead out of it; None where they may.
        place_of: Where an image is named, for errors.
    """

    def __init__(
        self,
        folder: ImageFolder,
        found: Mapping[str, Sequence[str]],
        captions: Mapping[str, Sequence[str]],
        *,
        root: Path | None,
        place_of: Callable[[str], str],
    ) -> None:
        self.folder, self.found, self.captions, self.place_of = folder, found, captions, place_of
        self.broken = broken_links(folder.links)
        self.outside = set() if root is None else links_outside(folder.links, folder.folder, root)
        self._capitals: dict[str, str] | None = None

    def select(self, selected: Sequence[str], bad: BadData) -> list[str]:
        """Return the wanted images that can be used, and add the others to `bad`."""
        return [image for image in selected if self._is_usable(image, bad)]

    def _is_usable(self, image: str, bad: BadData) -> bool:
        files = self.found.get(image, ())
        if len(files) > 1:
            bad.add("images whose name several files have", f"{image} may be {files[0]} and {files[1]}")
        elif not files:
            self._add_missing(image, bad)
        elif files[0] in self.broken:
            bad.add("images that are links to files that are not there", image)
        elif files[0] in self.outside:
            bad.add("images that are links to files outside of data.root, which data.follow_links=true allows", image)
        elif not self.captions.get(image):
            bad.add("images without captions", image)
        else:
            return True
        return False

    def _add_missing(self, image: str, bad: BadData) -> None:
        if self._capitals is None:
            self._capitals = {name.casefold(): name for name in self.folder.files}
        if image.casefold() in self._capitals:
            named = f"{image} is {self._capitals[image.casefold()]}"
            bad.add("images whose files have other capital letters than their names in the lists", named)
        elif NEVER_PUBLISHED.fullmatch(image):
            log.warning("left out %s, which has captions but was never published as an image", image)
        else:
            first = MISSING not in bad.names_of_kind
            bad.add(MISSING, image, self.place_of(image) if first else None)


def broken_links(links: Mapping[str, str]) -> set[str]:
    """Return the names of links to files that are not there, such as links in a circle."""
    return {name for name, link in links.items() if not os.path.exists(link)}  # noqa: PTH110 - of very many


def links_outside(links: Mapping[str, str], *inside: Path) -> set[str]:
    """Return the names of links that lead out of all of these folders, which may be links themselves."""
    folders = [os.path.join(os.path.realpath(folder), "") for folder in inside] if links else []  # noqa: PTH118
    return {name for name, link in links.items() if not os.path.realpath(link).startswith(tuple(folders))}


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


def keep_together(
    images_of_split: Mapping[SplitName, Sequence[str]], pixel_keys: Mapping[str, int]
) -> dict[SplitName, list[str]]:
    """Move copies of one image, which have equal pixels, into one split: that of the first by name.

    Args:
        images_of_split: The images of each split.
        pixel_keys: What is equal for equal images; images that have none stay where they are.
    """
    split_of = {image: split for split, images in images_of_split.items() for image in images}
    first_of_key: dict[int, str] = {}
    for image in sorted(split_of):
        if image in pixel_keys:
            first_of_key.setdefault(pixel_keys[image], image)
    moved = [
        image for image, split in split_of.items()
        if image in pixel_keys and split != split_of[first_of_key[pixel_keys[image]]]
    ]  # fmt: skip
    for image in moved:
        split_of[image] = split_of[first_of_key[pixel_keys[image]]]
    if moved:
        log.info("%d images are copies of others, and were put into the same split", len(moved))
    kept: dict[SplitName, list[str]] = {split: [] for split in images_of_split}
    for image, split in split_of.items():
        kept[split].append(image)
    return kept
