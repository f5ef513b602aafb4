import errno
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.image_files import reading as images
from datamodules.image_files.formats import FORMATS
from datamodules.image_files.reading import BadImageError, read_image


def _gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right and green downwards, smoothly: resizing must keep the ramps."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 99)], axis=-1).round().astype(np.uint8))


def _save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_image_of_the_right_size_is_left_alone(tmp_path: Path) -> None:
    image = _gradient(32, 32)
    pixels = read_image(_save(image, tmp_path / "image.png"), 32)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels, torch.from_numpy(np.array(image)).permute(2, 0, 1))


def test_keeps_the_centre_square_of_the_resized_image(tmp_path: Path) -> None:
    image = _gradient(96, 64)
    pixels = read_image(_save(image, tmp_path / "image.png"), 16)
    reference = image.resize((24, 16), Image.Resampling.BICUBIC).crop((4, 0, 20, 16))
    assert pixels.shape == (3, 16, 16)
    difference = pixels.permute(1, 2, 0).int().numpy() - np.array(reference).astype(int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1603)])
def test_large_jpeg_decoded_small_looks_the_same(tmp_path: Path, size: tuple[int, int]) -> None:
    path = _save(_gradient(*size), tmp_path / "image.jpg", quality=95)
    small, full = images.load_rgb(path, enough=2 * 64), images.load_rgb(path)
    assert full.size == size
    assert 2 * 64 <= min(small.size) < min(size) / 4
    with Image.open(path) as image:
        short = min(size)
        left, top = (size[0] - short) / 2, (size[1] - short) / 2
        box = (left, top, left + short, top + short)
        reference = np.array(image.resize((64, 64), Image.Resampling.BICUBIC, box=box)).astype(int)
    difference = read_image(path, 64).permute(1, 2, 0).int().numpy() - reference
    assert np.abs(difference).max() <= 3


def test_small_image_is_enlarged(tmp_path: Path) -> None:
    assert read_image(_save(_gradient(5, 9), tmp_path / "image.png"), 32).shape == (3, 32, 32)


def test_stands_upright(tmp_path: Path) -> None:
    upright = _gradient(16, 16)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show rotated by 90 degrees clockwise
    path = _save(upright.rotate(90, expand=True), tmp_path / "image.png", exif=exif)
    assert torch.equal(read_image(path, 16), torch.from_numpy(np.array(upright)).permute(2, 0, 1))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    pixels = read_image(_save(Image.new("RGB", (8, 8), "white").convert(mode), tmp_path / "image.png"), 8)
    assert torch.equal(pixels, torch.full((3, 8, 8), 255, dtype=torch.uint8))


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    path = _save(Image.new("RGB", (8, 8), (200, 30, 30)).convert("CMYK"), tmp_path / "image.jpg", quality=95)
    assert (read_image(path, 8)[:, 4, 4].int() - torch.tensor([200, 30, 30])).abs().max() <= 3


def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    path = _save(Image.fromarray(np.full((8, 8), 0x80FF, dtype=np.uint16)), tmp_path / "image.png")
    assert torch.equal(read_image(path, 8), torch.full((3, 8, 8), 0x80, dtype=torch.uint8))


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparent_pixels_are_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((10, 20, 30, 255), (0, 0, 4, 8))
    pixels = read_image(_save(image.convert(mode), tmp_path / "image.png"), 8)
    assert pixels[:, 0, 0].tolist() == [10, 20, 30]
    assert pixels[:, 0, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("suffix", "kept"), [("jpg", 0.5), ("png", 0.5), ("jpg", 0.05)])
def test_refuses_a_truncated_file(tmp_path: Path, suffix: str, kept: float) -> None:
    path = _save(_gradient(200, 200), tmp_path / f"image.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BadImageError, match=rf"image.{suffix}: not a usable image \(.*\); replace or remove the file"):
        read_image(path, 32)


FOREIGN = {
    "cannot identify image file: it is empty": b"",
    "cannot identify image file: it is nothing but zeros at its start": bytes(4000),
    "cannot identify image file: it is a web page": b"\n<!DOCTYPE html><title>not found</title>",
    "cannot identify image file: it is Git LFS's note": b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
    "cannot identify image file: it is what macOS keeps": b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(200),
    "cannot identify image file: it is a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "cannot identify image file)": b"something else",
    "it is HEIC, which is not read); convert it to JPEG": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(300),
    "it is JPEG XL, which": b"\xff\x0a\xfa\x7f",
    "it is JPEG 2000, which": b"\0\0\0\x0cjP  \r\n\x87\n",
    "it is SVG, which": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
    "it is PDF, which": b"%PDF-1.7",
    "it is the raw data of a camera (CR2), which": b"II*\0\x10\0\0\0CR\2\0",
    "it is the raw data of a camera (CR3), which": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
}


@pytest.mark.parametrize("message", FOREIGN)
@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL's, of damaged metadata
def test_says_what_a_file_is_that_is_not_read(message: str, tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(FOREIGN[message])
    with pytest.raises(BadImageError, match=re.escape(f"image.jpg: not a usable image ({message}")):
        read_image(path, 32)


def test_avif_is_read_where_pil_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "image.avif"
    if "AVIF" in FORMATS:
        _save(_gradient(64, 64), path)
        assert read_image(path, 32).shape == (3, 32, 32)
    path.write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(300))  # what a PIL without it says
    with pytest.raises(BadImageError, match=r"it is AVIF, which is not read\); convert it to JPEG"):
        read_image(path, 32)


def test_refuses_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match=r"nowhere.jpg: there is no such file; check the path"):
        read_image(tmp_path / "nowhere.jpg", 32)
    with pytest.raises(BadImageError, match=r"not a usable image .it is a folder, a pipe or a device"):
        read_image(tmp_path, 32)
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(tmp_path / "ab".strip(name))
    with pytest.raises(BadImageError, match=r"a: not a usable image \(Too many levels of symbolic links\)"):
        read_image(tmp_path / "a", 32)
    with pytest.raises(BadImageError, match=r"x: not a usable image \(File name too long\)"):
        read_image(tmp_path / ("x" * 300), 32)


def test_a_lack_of_open_files_is_not_the_images_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    path = _save(_gradient(8, 8), tmp_path / "image.png")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OSError, match="Too many open files") as failure:
        read_image(path, 8)
    assert not isinstance(failure.value, BadImageError)


@pytest.mark.parametrize(("header", "kind"), [(b"P5 2 2 65535\n", ">u2"), (b"P5 2 2 1023\n", ">u2")])
def test_grey_of_more_than_8_bits_is_scaled(tmp_path: Path, header: bytes, kind: str) -> None:
    path = tmp_path / "image.pgm"
    most = int(header.split()[-1])
    path.write_bytes(header + np.full(4, most // 2, dtype=kind).tobytes())
    assert (read_image(path, 2).int() - 127).abs().max() <= 1


def test_refuses_absurd_dimensions_before_decoding(tmp_path: Path) -> None:
    path = _save(Image.new("L", (501, 10)), tmp_path / "strip.png")
    with pytest.raises(BadImageError, match=r"it has 501 x 10 pixels, expected at most .* one side at most 50 times"):
        read_image(path, 32)
    header = io.BytesIO()
    Image.new("1", (9000, 8000)).save(header, "PNG")
    path.write_bytes(header.getvalue()[:100])  # the pixels are not even there
    with pytest.raises(BadImageError, match="it has 9000 x 8000 pixels, expected at most 67,108,864 in all"):
        read_image(path, 32)


def test_refuses_pixels_of_unknown_range(tmp_path: Path) -> None:
    path = _save(Image.new("F", (8, 8), 0.5), tmp_path / "image.tiff")
    with pytest.raises(BadImageError, match="PIL's mode 'F', whose range is not known"):
        read_image(path, 8)
