"""Colours and orientation of images as people have them, against torchvision's own decoders and Pillow's."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.io import decode_gif, decode_image, read_file
from torchvision.transforms.v2.functional import pil_to_tensor

from datamodules.image_files.reading import load_rgb, read_image

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities:DeprecationWarning")

RAMP = np.linspace(0, 255, 48).round().astype(np.uint8)
X, Y = np.meshgrid(RAMP, RAMP[:32])
PICTURE = Image.fromarray(np.stack([X, Y, 255 - X], axis=-1))  # [32, 48]: no two corners are alike
CORNER = PICTURE.crop((0, 0, 16, 16))
WHITE = (255, 255, 255)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _pixels(path: Path) -> Tensor:
    return pil_to_tensor(load_rgb(path)).int()


def _torchvision(path: Path) -> Tensor:
    return decode_image(str(path), mode="RGB", apply_exif_orientation=True).int()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["JPG", "png", "webp", "tif"])
def test_every_orientation_is_upright(suffix: str, orientation: int, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    options = {"JPG": {"quality": 95}, "webp": {"lossless": True}}.get(suffix, {})
    PICTURE.save(path, exif=_exif(orientation), **options)  # type: ignore[arg-type]
    found = _pixels(path)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
        assert torch.equal(found, pil_to_tensor(expected).int())
    if suffix in ("JPG", "png"):
        assert (found - _torchvision(path)).abs().max() <= 3  # of two JPEG decoders
    assert found.shape[1:] == ((48, 32) if orientation > 4 else (32, 48))


def _cmyk(path: Path) -> None:
    PICTURE.convert("CMYK").save(path, "JPEG", quality=100, subsampling=0)


def _grey(path: Path) -> None:
    PICTURE.convert("L").save(path, "JPEG", quality=100)


def _progressive(path: Path) -> None:
    PICTURE.save(path, "JPEG", quality=95, progressive=True)


def _palette(path: Path) -> None:
    PICTURE.quantize(64).save(path, "PNG")


def _webp(path: Path) -> None:
    PICTURE.save(path, "WEBP", lossless=True)


@pytest.mark.parametrize("save", [_cmyk, _grey, _progressive, _palette, _webp])
def test_colours_are_those_of_torchvision(save: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "image.JPG"  # whatever it is
    save(path)
    most = 6 if save is _cmyk else 3  # torchvision rounds once more on the way from four inks to three colours
    assert (_pixels(path) - _torchvision(path)).abs().max() <= most


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_scaled_to_8(channels: int, tmp_path: Path) -> None:
    steps = np.arange(16 * 16 * channels).reshape(16, 16 * channels)
    values = (steps * (65535 // (256 * channels))).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in values)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 0 if channels == 1 else 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw)),
        (b"IEND", b""),
    ]
    path = tmp_path / "image.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )
    expected = torch.from_numpy((values >> 8).astype(np.int32).reshape(16, 16, channels)).permute(2, 0, 1)
    assert torch.equal(_pixels(path), expected.expand(3, -1, -1))


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P with a transparent colour", "RGB with a transparent colour"])
def test_what_is_transparent_is_white(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    if kind in ("RGBA", "LA"):
        image = PICTURE.convert(kind)
        alpha = Image.new("L", image.size, 255)
        alpha.paste(0, (0, 0, 24, 32))
        alpha.paste(128, (24, 0, 30, 32))
        image.putalpha(alpha)
        image.save(path)
        expected = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    else:
        flat = Image.new("RGB", (48, 32), (200, 30, 30))
        flat.paste((1, 2, 3), (0, 0, 24, 32))
        expected = Image.new("RGB", (48, 32), (200, 30, 30))
        expected.paste(WHITE, (0, 0, 24, 32))
        image = flat.quantize(4) if kind.startswith("P") else flat
        image.save(path, transparency=image.getpixel((0, 0)))
    assert torch.equal(_pixels(path), pil_to_tensor(expected).int())


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    first, second = PICTURE.quantize(64), Image.new("RGB", PICTURE.size, (0, 255, 0))
    options = {"lossless": True} if suffix == "webp" else {}
    first.convert("RGB").quantize(64).save(path, save_all=True, append_images=[second.quantize(2)], **options)
    found = _pixels(path)
    assert (found - pil_to_tensor(first.convert("RGB")).int()).abs().max() <= 1
    if suffix == "gif":
        assert (found - decode_gif(read_file(str(path)))[0].int()).abs().max() <= 1


def test_a_jpeg_that_is_decoded_small_stands_upright_too(tmp_path: Path) -> None:
    path = tmp_path / "image.jpeg"
    PICTURE.resize((1200, 800)).save(path, exif=_exif(6), quality=95)
    upright = PICTURE.resize((1200, 800)).rotate(-90, expand=True)
    expected = upright.resize((32, 32), Image.Resampling.BICUBIC, box=(0, 200, 800, 1000))
    assert (read_image(path, 32).int() - pil_to_tensor(expected).int()).abs().max() <= 4
