"""Image files that are small and claim to be huge, or are no images at all."""

import io
import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from datamodules.image_files.reading import BadImageError, load_rgb
from tests.datamodules.damaged_pictures import chunk

GIGABYTE = 10**9


def _png(width: int, height: int) -> bytes:
    """A whole PNG of one row, whose header promises more."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _jpeg(width: int, height: int) -> bytes:
    whole = io.BytesIO()
    Image.new("RGB", (16, 16)).save(whole, "JPEG")
    return whole.getvalue().replace(struct.pack(">HH", 16, 16), struct.pack(">HH", height, width), 1)


def _bmp(width: int, height: int) -> bytes:
    whole = io.BytesIO()
    Image.new("RGB", (16, 16)).save(whole, "BMP")
    return whole.getvalue().replace(struct.pack("<ii", 16, 16), struct.pack("<ii", width, height), 1)


@pytest.mark.parametrize("make", [_png, _jpeg, _bmp])
@pytest.mark.parametrize("side", [60_000, 11_000, 9_000])  # PIL's own limits are 13,377 and 9,459
def test_small_files_of_absurd_dimensions_are_refused_unread(
    make: Callable[[int, int], bytes], side: int, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.jpg"
    path.write_bytes(make(side, side))
    assert path.stat().st_size < 10_000
    start = time.perf_counter()
    with pytest.raises(BadImageError, match=rf"it has {side} x {side} pixels, expected at most 67,108,864 in all"):
        load_rgb(path)
    assert time.perf_counter() - start < 5


def test_of_many_frames_the_first_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), number % 256) for number in range(2000)]
    frames[0].save(tmp_path / "long.gif", save_all=True, append_images=frames[1:], duration=1)
    assert load_rgb(tmp_path / "long.gif").getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(("name", "start"), [(b"iCCP", b"p\0\0"), (b"zTXt", b"t\0\0"), (b"iTXt", b"t\0\1\0\0\0")])
def test_compressed_texts_and_profiles_do_not_swell(name: bytes, start: bytes, tmp_path: Path) -> None:
    swollen = chunk(name, start + zlib.compress(bytes(20_000_000), 9))
    path = tmp_path / "swollen.png"
    Image.new("RGB", (1, 1)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:33] + 50 * swollen + whole[33:])  # a gigabyte in all
    tracemalloc.start()
    try:
        assert load_rgb(path).size == (1, 1)  # it is the pixels' alone
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_picture_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # reading it would wait for ever
    with pytest.raises(BadImageError, match=r"pipe.jpg: not a usable image \(it is a folder, a pipe or a device"):
        load_rgb(tmp_path / "pipe.jpg")
    (tmp_path / "program.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(BadImageError, match=r"program.jpg: not a usable image \(it is PostScript, which is not read"):
        load_rgb(tmp_path / "program.jpg")
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(GIGABYTE)
    with pytest.raises(BadImageError, match=r"huge.jpg: .*it has 1,000,000,000 bytes"):
        load_rgb(tmp_path / "huge.jpg")
