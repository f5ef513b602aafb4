"""Image files to square RGB tensors.

Pixels stay `uint8` in [0, 255]: normalising is the encoder's, which alone knows what it was trained on.
"""

import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2.functional import pil_to_tensor

MAX_PIXELS = 2**26  # 8192 x 8192: more is a mistake or a decompression bomb
MAX_BYTES = 2**29  # of a file, which some decoders read as a whole
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # not such as EPS, which starts an interpreter
MAX_ASPECT = 50  # of the longer side to the shorter; more leaves nothing to see in the centre square

warnings.simplefilter("error", Image.DecompressionBombWarning)  # PIL's own limit, which it only warns of


class BadImageError(ValueError):
    """A file that does not hold a usable image; the message names the file, the problem and the remedy."""


def read_image(path: str | Path, image_size: int) -> Tensor:
    """Decode an image file and cut out its centre square.

    Returns:
        [3, image_size, image_size], `uint8`, RGB.

    Raises:
        BadImageError: The file is missing, is no image, is cut short, is too large, or has absurd dimensions.
    """
    square: Tensor = eval_transform(image_size)(pil_to_tensor(load_rgb(path, enough=2 * image_size)))
    return square


def eval_transform(image_size: int) -> v2.Transform:
    """Return the transform that resizes the shorter side to `image_size` pixels and keeps the centre square."""
    return v2.Compose(
        [
            v2.Resize(image_size, interpolation=InterpolationMode.BICUBIC, antialias=True),
            v2.CenterCrop(image_size),
        ]
    )


def load_rgb(path: str | Path, enough: int | None = None) -> Image.Image:
    """Decode an image file in full, upright as its EXIF orientation says, in RGB.

    Args:
        path: The file.
        enough: A JPEG may be decoded to a half, quarter or eighth of its size as long as both sides keep this many
            pixels; None for full size.

    Raises:
        BadImageError: The file is missing, is no image, is cut short, is too large, or has absurd dimensions.
    """
    try:
        _check_file(Path(path))
        with Image.open(path, formats=FORMATS) as image:
            _check_dimensions(image.size)
            if enough is not None:
                image.draft(None, (enough, enough))
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise BadImageError(f"{path}: there is no such file; check the path") from error
    except MemoryError:  # not the file's fault
        raise
    except Exception as error:  # each of PIL's many decoders fails in its own way
        raise BadImageError(f"{path}: not a usable image ({error}); replace or remove the file") from error


def _check_file(path: Path) -> None:
    """Refuse what cannot be read as a file: a pipe would be waited for, a device never ends."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder, a pipe or a device, expected a file")
    if status.st_size > MAX_BYTES:
        raise ValueError(f"it has {status.st_size:,} bytes, expected at most {MAX_BYTES:,}")


def _check_dimensions(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    if short * long > MAX_PIXELS or long > MAX_ASPECT * short:
        raise ValueError(
            f"it has {size[0]} x {size[1]} pixels, expected at most {MAX_PIXELS:,} in all and one side at most "
            f"{MAX_ASPECT} times the other"
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # PIL would clip these to white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of PIL's mode {image.mode!r}, whose range is not known; save it with 8 bits")
    if image.has_transparency_data:  # what lies under transparent pixels was never meant to be seen
        pixels = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return image.convert("RGB")
