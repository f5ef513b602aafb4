"""Which way is up in an image, as its metadata say."""

from PIL import ExifTags, Image

UPRIGHT = 1
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, exif: bytes | None = None) -> Image.Image:
    """Return an image turned as its metadata say; as it is where they cannot be read.

    Unlike `PIL.ImageOps.exif_transpose` it writes no metadata, which fails for some that cameras write.

    Args:
        image: The image, decoded.
        exif: Its EXIF block, where the file that it was read from lacks it.
    """
    try:
        found: Image.Exif = image.getexif() if exif is None else Image.Exif()
        if exif is not None:
            found.load(exif)
        turn = _TURNS.get(found.get(ExifTags.Base.Orientation, UPRIGHT))
    except MemoryError:
        raise
    except Exception:  # damaged metadata fail in many ways
        turn = None
    return image if turn is None else image.transpose(turn)
