"""What an image is known by, wherever it turns up again: in another split, under another name, in another copy.

Shape legend: N images, K keys of each.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.image_files.reading import decode_rgb, load_rgb

ImageKeys = NDArray[np.int64]
"""Keys of images, [N, K]: two images are the same if they have a key in common."""


def key_of(kind: str, *parts: bytes) -> int:
    """Return 64 bits that belong to this content alone."""
    checksum = hashlib.blake2b(digest_size=8, person=kind.encode())
    for part in parts:
        checksum.update(part)
    return int.from_bytes(checksum.digest(), "big", signed=True)


def pixel_key(pixels: bytes, height: int, width: int) -> int:
    """Return the key of an image by its pixels in full size: RGB, row by row."""
    return key_of("pixels", f"{height}x{width}".encode(), pixels)


def file_keys(path: Path) -> tuple[int, int]:
    """Return the keys of an image file: of its bytes, and of its pixels, which a copy in another format has, too.

    Raises:
        BadImageError: The file holds no usable image.
    """
    image = load_rgb(path)
    return key_of("file", path.read_bytes()), pixel_key(image.tobytes(), image.height, image.width)


def content_keys(content: bytes, name: str) -> tuple[int, int]:
    """Return what `file_keys` returns of a file with this content; errors call it `name`.

    Raises:
        BadImageError: It holds no usable image.
    """
    image = decode_rgb(content, name=name)
    return key_of("file", content), pixel_key(image.tobytes(), image.height, image.width)


def spoken_key(name: str | int, captions: Sequence[str]) -> int:
    """Return the key of an image's name with its captions, which a copy in another size has, too."""
    normal = unicodedata.normalize("NFC", str(name))
    return key_of("spoken", "\0".join([normal, *sorted(captions)]).encode("utf-8", "surrogatepass"))
