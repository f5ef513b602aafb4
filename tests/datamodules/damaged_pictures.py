"""Picture files whose pixels are fine, and whose metadata are odd, damaged or very large."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

TURNED = 6  # the camera was held upright: shown turned by 90 degrees clockwise
LARGE = 1_500_000  # bytes: more than PIL decompresses of a PNG's metadata

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8))


def encoded(name: str, **options: Any) -> bytes:
    """Return the picture as a file of PIL's format `name`."""
    file = io.BytesIO()
    PICTURE.save(file, name, **options)
    return file.getvalue()


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return an EXIF block of the orientation and of other entries (tag, type, count, value), sorted by tag."""
    all_entries = sorted([(0x0112, 3, 1, struct.pack("<H", TURNED)), *entries])
    body, data, offset = b"", b"", 8 + 2 + 12 * len(all_entries) + 4
    for tag, kind, count, value in all_entries:
        if len(value) <= 4:
            body += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
        else:
            body += struct.pack("<HHII", tag, kind, count, offset + len(data))
            data += value
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(all_entries)) + body + bytes(4) + data


def segment(marker: int, content: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _in_jpeg(*segments: bytes) -> bytes:
    whole = encoded("JPEG", exif=exif())
    return whole[:2] + b"".join(segments) + whole[2:]


def _in_png(*chunks: bytes) -> bytes:
    whole = encoded("PNG")
    header = 8 + 25
    return whole[:header] + b"".join(chunks) + whole[header:]


def _at_end_of_png(*chunks: bytes) -> bytes:
    whole = encoded("PNG", exif=exif())
    return whole[:-12] + b"".join(chunks) + whole[-12:]


def _in_tiff(tag: int, kind: int, count: int) -> bytes:
    """A TIFF of which one entry more, of a type that it should not have, lies at the end of the file."""
    whole = encoded("TIFF", exif=exif()[6:])
    start = int.from_bytes(whole[4:8], "little")
    num = int.from_bytes(whole[start : start + 2], "little")
    entries = [whole[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(num)]
    entries.append(struct.pack("<HHII", tag, kind, count, 0))
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    directory = struct.pack("<H", num + 1) + b"".join(entries) + bytes(4)
    return whole[:4] + struct.pack("<I", len(whole)) + whole[8:] + directory


def _texts(**texts: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text, zip=True)
    return info


_NEGATIVE = (0x011A, 10, 1, struct.pack("<ii", -1, 0))  # a resolution of -1/0, as some cameras write it
_EXIF_OF_PNG = chunk(b"eXIf", exif()[6:])
_SWOLLEN = zlib.compress(bytes(LARGE), 9)

PICTURES = {
    "exif that cannot be rewritten": encoded("JPEG", exif=exif(_NEGATIVE)),
    "exif with a text of 4 GB": encoded("JPEG", exif=exif((0x0131, 2, 2**32 - 1, b"    "))),
    "exif cut short": encoded("JPEG", exif=exif((0x8825, 4, 1, struct.pack("<I", 2**31)))[:40]),
    "profile without end": _in_jpeg(segment(0xE2, b"ICC_PROFILE\0")),
    "header of JFIF cut short": _in_jpeg(segment(0xE0, b"JFIF\0\1")),
    "two pictures, one of which is not there": _in_jpeg(
        segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0\x02\xb0\7\0\1\0\0\0")
    ),
    "history of a PNG": encoded("PNG", exif=exif(_NEGATIVE), pnginfo=_texts(history="x" * LARGE)),
    "profile of a PNG": encoded("PNG", exif=exif(), icc_profile=bytes(LARGE)),
    "text of a PNG": _in_png(_EXIF_OF_PNG, chunk(b"zTXt", b"t\0\0" + _SWOLLEN)),
    "text behind the pixels": _at_end_of_png(chunk(b"zTXt", b"t\0\0" + _SWOLLEN)),
    "checksum of a text": _in_png(_EXIF_OF_PNG, chunk(b"tEXt", b"a\0b")[:-4] + b"????"),
    "many texts": _in_png(_EXIF_OF_PNG, *[chunk(b"zTXt", b"t\0\0" + zlib.compress(bytes(2**20), 9))] * 70),
    "exif of a WebP": encoded("WEBP", exif=exif(_NEGATIVE), lossless=True),
    "length of a WebP's exif": encoded("WEBP", exif=exif(), lossless=True)[:-1],
    "notes of a TIFF": _in_tiff(700, 4, 2),
    "profile of a TIFF beyond its end": _in_tiff(34675, 7, 2**31),
}
