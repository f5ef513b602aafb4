"""Which image a name means, where two files write its name in two ways."""

import re
from collections.abc import Sequence

from datamodules.annotations.reference_image import ReferenceImage

FOLDERS = re.compile(r"[\\/]")
EXTENSION = re.compile(r"\.(?:jpe?g|jpe|jfif|png|bmp|gif|tiff?|webp|avif|heic)$", re.IGNORECASE)
NUMBERED = re.compile(r"(?:COCO_[a-z]+[0-9]{4}_)?0*([0-9]+)")  # COCO_val2014_000000000042


class ImageLookup:
    """Finds the images of a file of references by their names.

    A name that the file does not have is looked for without its folders, then without its extension as well, then by
    the number that it is made of, as `000000000042.jpg` and `COCO_val2014_000000000042.jpg` are; each time it must be
    the name of a single image, written in the same way.

    Args:
        images: The images; no two share a name.
    """

    def __init__(self, images: Sequence[ReferenceImage]) -> None:
        self._exact = {name: i for i, image in enumerate(images) for name in image.names}
        self._loose: list[dict[str, int | None]] = [{}, {}, {}]  # None for several images
        for name, i in self._exact.items():
            for level, spelling in enumerate(_spellings(name)):
                if self._loose[level].setdefault(spelling, i) != i:
                    self._loose[level][spelling] = None

    def exact(self, name: str) -> int | None:
        """Return the image of that very name."""
        return self._exact.get(name)

    def loose(self, name: str) -> int | None:
        """Return the only image that the name may mean otherwise; None if there is none, or more than one."""
        for level, spelling in enumerate(_spellings(name)):
            if spelling in self._loose[level]:
                return self._loose[level][spelling]
        return None


def file_of(name: str) -> str:
    """Return a name without folders."""
    return FOLDERS.split(name)[-1]


def _spellings(name: str) -> list[str]:
    """Return a name without folders, without its extension, and as a number if it is made of one."""
    file = file_of(name)
    stem = EXTENSION.sub("", file)
    number = NUMBERED.fullmatch(stem)
    return [file, stem, *([number[1]] if number else [])]
