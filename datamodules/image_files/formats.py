"""Which picture files are read, and what the others are: by the ends of their names and by their first bytes."""

from pathlib import Path

from PIL import Image, features

Image.init()
_READ = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # not such as EPS, which starts an interpreter
_READS_AVIF = "AVIF" in Image.OPEN and features.check("avif")  # Pillow does since its version 11.3
FORMATS = (*_READ, "AVIF") if _READS_AVIF else _READ

IMAGE_SUFFIXES = frozenset(
    {suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS and suffix != ".pfm"}
    | {".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"}  # other names of JPEG
)
"""Ends of names, in small letters, of files that are read where a folder stands for its pictures."""

_CAMERAS = "3fr arw cr2 cr3 crw dcr dng erf iiq kdc mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f"
_OTHERS = (
    "avif avifs heic heif hif jp2 j2k jpc jpf jpx jxl jxr wdp svg svgz eps psd psb xcf ico icns tga dds exr hdr pfm"
)
UNREAD_SUFFIXES = frozenset(f".{name}" for name in f"{_CAMERAS} {_OTHERS}".split()) - IMAGE_SUFFIXES
"""Ends of names of pictures in formats that are not read."""

HEAD = 512  # bytes that tell a format
_BRANDS = {
    b"avif": "AVIF", b"avis": "AVIF", b"crx ": "the raw data of a camera (CR3)", b"heic": "HEIC", b"heix": "HEIC",
    b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF",
}  # fmt: skip
_STARTS = {
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"II\xbc": "JPEG XR",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"DDS ": "DDS",
    b"icns": "an icon (ICNS)",
    b"\0\0\x01\0": "an icon (ICO)",
    b"FUJIFILMCCD-RAW": "the raw data of a camera (RAF)",
    b"II\x1a\0\0\0HEAPCCDR": "the raw data of a camera (CRW)",
    b"IIRO": "the raw data of a camera (ORF)",
    b"IIRS": "the raw data of a camera (ORF)",
    b"MMOR": "the raw data of a camera (ORF)",
    b"IIU\0": "the raw data of a camera (RW2)",
    b"FOVb": "the raw data of a camera (X3F)",
    b"\0MRM": "the raw data of a camera (MRW)",
}
_NO_PICTURES = {
    b"\0\x05\x16\x07": "what macOS keeps beside another file",
    b"version https://git-lfs": "Git LFS's note of a file that was not fetched; run git lfs pull",
    b"\x1a\x45\xdf\xa3": "a film (Matroska or WebM)",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
}
_FILMS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ", b"3gp4", b"3gp5")
_READ_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")


def unread_format(head: bytes) -> str | None:
    """Return the name of the picture format that a file is of, if it is one that is not read; None otherwise.

    Args:
        head: The file's first `HEAD` bytes.
    """
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[start : start + 4] for start in range(16, int.from_bytes(head[:4]), 4))]
        names = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return min(names, key=lambda name: name == "HEIF", default=None)  # which says less than the others
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return "the raw data of a camera (CR2)"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<svg", b"<?xml", b"<!--")) and b"<svg" in head:
        return "SVG"
    return next((name for start, name in _STARTS.items() if head.startswith(start)), None)


def what_it_is(head: bytes) -> str | None:
    """Return what a file is that is no picture at all, where its first bytes tell it."""
    if not head:
        return "empty"
    if not head.strip(b"\0"):
        return "nothing but zeros at its start"
    if head[4:8] == b"ftyp" and head[8:12] in _FILMS:
        return "a film (MP4 or QuickTime)"
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return next((name for start, name in _NO_PICTURES.items() if head.startswith(start)), None)


def looks_like_a_picture(path: Path) -> bool:
    """Return whether a file that is not named as a picture that is read seems to be one: by its name or first bytes."""
    if path.suffix.lower() in UNREAD_SUFFIXES:
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    unread = unread_format(head)
    return is_webp or head.startswith(_READ_STARTS) or unread not in (None, "PDF", "PostScript")
