"""Image files to the pixels that the model was trained on.

Shape legend: H rows, W columns, C channels, O output pixels, I input pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from exporting.runner.words import Array

MAX_PIXELS, MAX_BYTES = 2**26, 2**29  # of a picture and of its file: more is a mistake or a decompression bomb
SUPPORT, MOST_BITS, INT16 = 2.0, 22, 1 << 15
Image.MAX_IMAGE_PIXELS = None  # ours is lower


def read_image(path: str | Path, image_size: int) -> Array:
    """Decode an image file, upright, and cut out its centre square: [3, image_size, image_size], `uint8`, RGB.

    Raises:
        ValueError: The file is missing, is no image, or is too large.
    """
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels, expected at most {MAX_PIXELS:,}")
            image.draft(None, (2 * image_size, 2 * image_size))
            image.load()
            pixels_HWC = np.asarray(to_rgb(image))
    except Exception as error:  # each of Pillow's many decoders fails in its own way
        raise ValueError(f"{path}: not a usable image ({error}); replace or remove the file") from error
    return centre_square(pixels_HWC, image_size).transpose(2, 0, 1)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image upright and in RGB: 16 bits of grey as 8, and what is transparent on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return image.convert("RGB")


def centre_square(pixels_HWC: Array, size: int) -> Array:
    """Resize the shorter side to `size` pixels, as torchvision does for bytes, and cut out the middle."""
    height, width = pixels_HWC.shape[:2]
    new_height, new_width = (
        (int(size * height / width), size) if width <= height else (size, int(size * width / height))
    )
    wide_HWC = resize_columns(pixels_HWC, new_width)
    resized_HWC = resize_columns(wide_HWC.transpose(1, 0, 2), new_height).transpose(1, 0, 2)
    top, left = round((new_height - size) / 2.0), round((new_width - size) / 2.0)
    return np.ascontiguousarray(resized_HWC[top : top + size, left : left + size])


def resize_columns(pixels_HWC: Array, size: int) -> Array:
    """Resize the columns of bytes by antialiased bicubic interpolation, with weights of 16 bits as PyTorch has them."""
    if pixels_HWC.shape[1] == size:
        return pixels_HWC
    weight_OI = bicubic_weights(pixels_HWC.shape[1], size)
    bits = 0
    while bits < MOST_BITS and int(0.5 + weight_OI.max() * (1 << (bits + 1))) < INT16:
        bits += 1
    whole_OI = np.trunc(weight_OI * (1 << bits) + np.copysign(0.5, weight_OI))
    channels = [pixels_HWC[..., c].astype(np.float64) @ whole_OI.T for c in range(pixels_HWC.shape[2])]
    sums_HOC = np.stack(channels, axis=2).astype(np.int64) + (1 << (bits - 1))
    return (sums_HOC >> bits).clip(0, 255).astype(np.uint8)


def bicubic_weights(num_in: int, num_out: int) -> Array:
    """Return how much of each input pixel goes into each output pixel: [O, I], each row of sum 1 (Keys 1981)."""
    scale = num_in / num_out
    stretch = max(scale, 1.0)
    centre_O1 = (scale * (np.arange(num_out) + 0.5))[:, None]
    pixel_I = np.arange(num_in)
    begin_O1 = np.maximum((centre_O1 - SUPPORT * stretch + 0.5).astype(np.int64), 0)
    end_O1 = np.minimum((centre_O1 + SUPPORT * stretch + 0.5).astype(np.int64), num_in)
    x_OI = np.abs((pixel_I - centre_O1 + 0.5) / stretch)
    near_OI, far_OI = (1.5 * x_OI - 2.5) * x_OI**2 + 1, -0.5 * (((x_OI - 5) * x_OI + 8) * x_OI - 4)
    weight_OI = np.where(x_OI < 1, near_OI, np.where(x_OI < 2, far_OI, 0.0))
    weight_OI = np.where((pixel_I >= begin_O1) & (pixel_I < end_O1), weight_OI, 0.0)
    return np.asarray(weight_OI / weight_OI.sum(axis=1, keepdims=True))
