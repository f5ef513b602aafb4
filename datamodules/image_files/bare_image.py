"""Image files without their metadata, which may be damaged or larger than the picture, and are not needed.

Nothing is decompressed. What is damaged beyond the metadata stays as it is.

Sources: ITU-T T.81, annex B (JPEG); the PNG specification, section 5 (W3C 2003); the WebP container specification
(Google); TIFF revision 6.0, section 2 (Adobe 1992).
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

_PNG, _PNG_PIXELS = b"\x89PNG\r\n\x1a\n", (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_WEBP_METADATA = 0b0010_1100  # flags of its header VP8X: profile, EXIF, XMP
_JPEG, _JPEG_EXIF, _START_OF_SCAN = b"\xff\xd8", b"Exif\0\0", 0xDA
_JPEG_METADATA = (*range(0xE0, 0xF0), 0xFE)
_JPEG_NEEDED = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}  # they tell the colour space; with their least sizes
_TIFF = (b"II*\0", b"MM\0*")
_TIFF_PIXELS = frozenset((*range(254, 260), 262, 266, *range(273, 280), 284, 292, 293, 317, *range(320, 326), 332, 338,
                          339, 347, *range(512, 522), *range(529, 533)))  # fmt: skip


class Bare(NamedTuple):
    """An image file without its metadata.

    Attributes:
        content: The file.
        exif: The EXIF block that it had, as far as it was there; empty for none.
    """

    content: bytes
    exif: bytes


def without_metadata(content: bytes) -> Bare | None:
    """Return an image file with nothing but what its pixels need; None where it is no JPEG, PNG, WebP or TIFF.

    A TIFF keeps its orientation.
    """
    if content.startswith(_JPEG):
        return _bare_jpeg(content)
    if content.startswith(_PNG):
        return _bare_png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _bare_webp(content)
    if content[:4] in _TIFF:
        return _bare_tiff(content)
    return None


def _bare_jpeg(content: bytes) -> Bare:
    kept, exif = [_JPEG], b""
    position = len(_JPEG)
    while content[position : position + 1] == b"\xff" and len(content) >= position + 4:
        marker = content[position + 1]
        if marker == 0xFF:  # one of any number of fill bytes
            position += 1
            continue
        if marker == _START_OF_SCAN:
            break
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4])
        segment = content[position + 4 : end]
        start, least = _JPEG_NEEDED.get(marker, (b"", 0))
        if marker not in _JPEG_METADATA or (start and segment.startswith(start) and len(segment) >= least):
            kept.append(content[position:end])
        elif segment.startswith(_JPEG_EXIF):
            exif = exif or segment
        position = end
    return Bare(b"".join((*kept, content[position:])), exif)


def _bare_png(content: bytes) -> Bare:
    kept, exif = [_PNG], b""
    position = len(_PNG)
    while position + 8 <= len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4])
        kind = content[position + 4 : position + 8]
        if kind in _PNG_PIXELS:
            kept.append(content[position:end])
        elif kind == b"eXIf":
            exif = content[position + 8 : end - 4]
        position = end
    return Bare(b"".join(kept), exif)


def _bare_webp(content: bytes) -> Bare:
    kept, exif = [b"WEBP"], b""
    for kind, payload in _webp_chunks(content):
        if kind == b"VP8X" and payload:
            payload = bytes((payload[0] & ~_WEBP_METADATA,)) + payload[1:]
        if kind == b"VP8X" or kind in _WEBP_PIXELS:
            kept.append(kind + len(payload).to_bytes(4, "little") + payload + b"\0" * (len(payload) % 2))
        elif kind == b"EXIF":
            exif = payload
    body = b"".join(kept)
    return Bare(b"RIFF" + len(body).to_bytes(4, "little") + body, exif)


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        yield content[position : position + 4], content[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _bare_tiff(content: bytes) -> Bare:
    """Leave entries out of the first directory; everything else stays in its place, by which entries find it."""
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"
    start = int.from_bytes(content[4:8], order) + 2
    end = start + 12 * int.from_bytes(content[start - 2 : start], order)
    entries = [content[position : position + 12] for position in range(start, end, 12)]
    kept = [entry for entry in entries if int.from_bytes(entry[:2], order) in _TIFF_PIXELS]
    no_next = bytes(4)
    directory = b"".join((len(kept).to_bytes(2, order), *kept, no_next))
    return Bare(content[: start - 2] + directory + content[start - 2 + len(directory) :], b"")
