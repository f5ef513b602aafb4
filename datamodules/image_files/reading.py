"""Image files to square RGB tensors.

Pixels stay `uint8` in [0, 255]: normalising is the encoder's, which alone knows what it was trained on.
"""

import errno
import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import center_crop, pil_to_tensor, resize

from datamodules.image_files.bare_image import without_metadata
from datamodules.image_files.formats import FORMATS, HEAD, unread_format, what_it_is
from datamodules.image_files.orientation import upright

MAX_PIXELS = 2**26  # 8192 x 8192: more is a mistake or a decompression bomb
MAX_BYTES = 2**29  # of a file, which some decoders read as a whole
MAX_ASPECT = 50  # of the longer side to the shorter; more leaves nothing to see in the centre square
SCALED_TO_16_BITS = ("PNG", "PPM")  # formats whose pixels of PIL's mode "I" are 0 … 65535
NOT_THE_FILES_FAULT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

Image.MAX_IMAGE_PIXELS = None  # its limit is higher than ours, and comes before the file's dimensions are known
warnings.filterwarnings("ignore", module=r"PIL\.", category=UserWarning)  # of metadata, which are not needed


class BadImageError(ValueError):
    """A file that does not hold a usable image; the message names the file, the problem and the remedy."""


def read_image(path: str | Path, image_size: int) -> Tensor:
    """Decode an image file and cut out its centre square.

    Returns:
        [3, image_size, image_size], `uint8`, RGB.

    Raises:
        BadImageError: The file is missing, is no image, is cut short, is too large, or has absurd dimensions.
    """
    return centre_square(pil_to_tensor(load_rgb(path, enough=2 * image_size)), image_size)


def decode_image(content: bytes, image_size: int, *, name: str) -> Tensor:
    """Decode an image file that is in memory and cut out its centre square, as `read_image` does of a file on disk.

    Args:
        content: The bytes of the file.
        image_size: Height and width in pixels.
        name: What errors call it.

    Raises:
        BadImageError: It is no image, is cut short, is too large, or has absurd dimensions.
    """
    return centre_square(pil_to_tensor(decode_rgb(content, name=name, enough=2 * image_size)), image_size)


def centre_square(images: Tensor, image_size: int) -> Tensor:
    """Resize the shorter side of images ([..., 3, H, W], `uint8`) to `image_size` pixels; return the centre square."""
    resized = resize(images, [image_size], interpolation=InterpolationMode.BICUBIC, antialias=True)
    return center_crop(resized, [image_size])


def load_rgb(path: str | Path, enough: int | None = None) -> Image.Image:
    """Decode an image file in full, upright as its metadata say, in RGB; of several frames the first.

    Damaged or very large metadata are no reason to refuse it.

    Args:
        path: The file.
        enough: A JPEG may be decoded to a half, quarter or eighth of its size as long as both sides keep this many
            pixels; None for full size.

    Raises:
        BadImageError: The file is missing, is no image, is cut short, is too large, or has absurd dimensions.
    """
    with _named(str(path)):
        _check_file(path)
        with open(path, "rb") as file:  # noqa: PTH123 - of very many, as below
            return _load(file, enough)


def decode_rgb(content: bytes, *, name: str, enough: int | None = None) -> Image.Image:
    """Decode an image file that is in memory as `load_rgb` does one on disk; errors call it `name`.

    Raises:
        BadImageError: It is no image, is cut short, is too large, or has absurd dimensions.
    """
    with _named(name):
        _check_size(len(content))
        return _load(io.BytesIO(content), enough)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Raise what goes wrong with an image file as a `BadImageError` that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadImageError(f"{name}: there is no such file; check the path") from error
    except MemoryError:  # not the file's fault
        raise
    except _UnusableError as error:
        raise BadImageError(f"{name}: not a usable image ({error}); {error.remedy}") from error
    except OSError as error:
        if error.errno in NOT_THE_FILES_FAULT:
            raise
        problem = _UnusableError(error.strerror or str(error))
        raise BadImageError(f"{name}: not a usable image ({problem}); {problem.remedy}") from problem
    except Exception as error:  # each of PIL's many decoders fails in its own way
        raise BadImageError(f"{name}: not a usable image ({error}); replace or remove the file") from error


class _UnusableError(ValueError):
    """What is wrong with an image file, and what to do."""

    def __init__(self, problem: str, remedy: str = "replace or remove the file") -> None:
        super().__init__(problem)
        self.remedy = remedy


def _check_file(path: str | Path) -> None:
    """Refuse what cannot be read as a file: a pipe would be waited for, a device never ends."""
    status = os.stat(path)  # noqa: PTH116
    if not stat.S_ISREG(status.st_mode):
        raise _UnusableError("it is a folder, a pipe or a device, expected a file")
    _check_size(status.st_size)


def _check_size(num_bytes: int) -> None:
    if num_bytes > MAX_BYTES:
        raise _UnusableError(f"it has {num_bytes:,} bytes, expected at most {MAX_BYTES:,}")


def _load(file: IO[bytes], enough: int | None) -> Image.Image:
    try:
        return _decode(file, enough)
    except (MemoryError, _UnusableError):
        raise
    except Exception as error:  # its metadata's fault?
        file.seek(0)
        content = file.read()
        bare = without_metadata(content)
        try:
            if bare is not None:
                return _decode(io.BytesIO(bare.content), enough, bare.exif)
        except UnidentifiedImageError:
            pass
        if isinstance(error, UnidentifiedImageError) or unread_format(content[:HEAD]):
            raise _unidentified(content[:HEAD]) from error
        raise


def _decode(file: IO[bytes], enough: int | None, exif: bytes | None = None) -> Image.Image:
    with Image.open(file, formats=FORMATS) as image:
        _check_dimensions(image.size)
        if enough is not None:
            image.draft(None, (enough, enough))
        image.load()
        if image.mode == "I" and image.format in SCALED_TO_16_BITS:
            return _to_rgb(upright(_high_bytes(image), exif))
        return _to_rgb(upright(image, exif))


def _unidentified(head: bytes) -> _UnusableError:
    """Return the message about a file that is no picture that PIL reads."""
    name = unread_format(head)
    if name is not None:
        return _UnusableError(f"it is {name}, which is not read", "convert it to JPEG")
    found = what_it_is(head)
    return _UnusableError(f"cannot identify image file{'' if found is None else f': it is {found}'}")


def _check_dimensions(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    if short * long > MAX_PIXELS or long > MAX_ASPECT * short:
        raise _UnusableError(
            f"it has {size[0]} x {size[1]} pixels, expected at most {MAX_PIXELS:,} in all and one side at most "
            f"{MAX_ASPECT} times the other",
            "make it smaller, replace or remove it",
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # PIL would clip these to white
        image = _high_bytes(image)
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of PIL's mode {image.mode!r}, whose range is not known; save it with 8 bits")
    if image.has_transparency_data:  # what lies under transparent pixels was never meant to be seen
        pixels = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return image if image.mode == "RGB" else image.convert("RGB")


def _high_bytes(image: Image.Image) -> Image.Image:
    """Return a grey image of 16 bits in 8."""
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
