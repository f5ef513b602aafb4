"""Pixels that are fine are read, whatever is beside them in their file."""

import random
from pathlib import Path

import pytest
from PIL import Image

from datamodules.image_files.bare_image import without_metadata
from datamodules.image_files.reading import load_rgb
from tests.datamodules.damaged_pictures import PICTURE, PICTURES, encoded, exif, segment

PROFILE = bytes(range(128)) * 4  # no profile at all


@pytest.mark.parametrize("what", PICTURES)
@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL's, of damaged metadata
def test_metadata_are_no_reason_to_refuse_a_picture(what: str, tmp_path: Path) -> None:
    plain, path = tmp_path / "plain", tmp_path / "picture.jpg"  # whatever it is
    plain.write_bytes(encoded("JPEG" if PICTURES[what].startswith(b"\xff\xd8") else "PNG"))
    path.write_bytes(PICTURES[what])
    assert load_rgb(path).tobytes() == load_rgb(plain).transpose(Image.Transpose.ROTATE_270).tobytes()


def test_jpegs_keep_what_tells_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "printed.jpg"
    PICTURE.convert("CMYK").save(path, quality=95)  # with the inverted values of Adobe
    expected = load_rgb(path)
    damaged = path.read_bytes()
    path.write_bytes(damaged[:2] + segment(0xE2, b"ICC_PROFILE\0") + damaged[2:])
    assert load_rgb(path).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_to_metadata_costs_no_picture(name: str, tmp_path: Path) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    plain, whole = encoded(name, **options), encoded(name, exif=exif(), icc_profile=PROFILE, **options)
    places = [place for block in (PROFILE, exif()[6:]) for place in _places(whole, block)]
    assert len(places) > 20
    path = tmp_path / "picture"
    path.write_bytes(plain)
    pixels = load_rgb(path)
    draw = random.Random(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in draw.sample(places, draw.choice((1, 3, 20))):
            damaged[place] = draw.choice((0, 255, draw.randrange(256)))
        path.write_bytes(damaged)
        seen = load_rgb(path)
        upright = pixels.transpose(Image.Transpose.ROTATE_270)
        assert seen.tobytes() in (pixels.tobytes(), upright.tobytes())


def _places(whole: bytes, block: bytes) -> range:
    """Return where a block lies in a file; nowhere where it is compressed."""
    start = whole.find(block)
    return range(start, start + len(block)) if start >= 0 else range(0)


def test_what_is_no_picture_has_no_metadata() -> None:
    assert without_metadata(b"") is None
    assert without_metadata(b"GIF89a") is None
    for start in (b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*\xff\xff\xff\xff"):
        assert without_metadata(start) is not None
