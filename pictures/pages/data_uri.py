"""Images as text that a page can hold.

Shape legend: H rows, W columns.
"""

import base64
from io import BytesIO

from PIL import Image
from torch import Tensor

from pictures.pixels import to_picture

LONGEST_SIDE = 224
JPEG_QUALITY = 85
SMALL = 96  # pixels: below, a PNG is small enough, and JPEG's blocks would show once the page enlarges the image


def data_uri(image_3HW: Tensor, longest_side: int = LONGEST_SIDE) -> str:
    """Return an image as a `data:` URI, made smaller if a side is longer than asked for.

    Args:
        image_3HW: `uint8`, or floating-point numbers in [0, 1]; what lies outside is clipped.
        longest_side: In pixels.
    """
    picture = to_picture(image_3HW)
    picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    file = BytesIO()
    kind = "png" if max(picture.size) <= SMALL else "jpeg"
    picture.save(file, kind, optimize=True, **({"quality": JPEG_QUALITY} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
