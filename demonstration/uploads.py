"""Pictures that people bring, within bounds: how many bytes, how many pixels, which formats."""

import math
from pathlib import Path

from PIL import Image
from torch import Tensor

from datamodules.image_files.formats import FORMATS
from datamodules.image_files.reading import BadImageError, decode_image

MAX_BYTES = 16 * 2**20
MAX_PIXELS = 40_000_000  # what large cameras take; decoding more keeps everyone else waiting


def read_upload(path: str | Path, image_size: int, *, name: str) -> Tensor:
    """Decode a picture that someone has brought, and cut out its centre square.

    Args:
        path: Where it lies.
        image_size: Height and width in pixels.
        name: What its owner calls it, and errors do.

    Returns:
        [3, image_size, image_size], `uint8`, RGB.

    Raises:
        BadImageError: It is too large, in no format that is read, or damaged.
    """
    path = Path(path)
    for number, unit, most in ((path.stat().st_size, "bytes", MAX_BYTES), (_num_pixels(path), "pixels", MAX_PIXELS)):
        if number > most:
            raise BadImageError(f"{name}: it has {number:,} {unit}, expected at most {most:,}; make it smaller")
    return decode_image(path.read_bytes(), image_size, name=name)


def _num_pixels(path: Path) -> int:
    """Return how many pixels a file has, by its head alone; 0 for what `decode_image` has more to say about."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return math.prod(image.size)
    except Exception:  # each of PIL's many decoders fails in its own way
        return 0
