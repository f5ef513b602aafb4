"""The captions of TextCaps as its files hold them."""

from collections.abc import Mapping
from typing import Any

from datamodules.annotations.fields import caption_text, field, image_name, objects, shown
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.reference_image import ReferenceImage


def textcaps_images(content: Mapping[str, Any], path: str, left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return the images of `{"data": [{"image_id", "image_path", "reference_strs": ["…"]}]}`.

    A row is a caption, and has all of its image's captions beside it: the image's first row counts.

    Raises:
        ValueError: The shape is another.
    """
    images: dict[str, ReferenceImage] = {}
    for where, row in objects(content["data"], f"{path}, data row", left_out):
        with left_out:
            number = image_name(field(row, "image_id", where), where)
            if number not in images:
                images[number] = _image(number, row, where)
    return list(images.values())


def _image(number: str, row: Mapping[str, Any], where: str) -> ReferenceImage:
    text = field(row, "reference_strs", where)
    if not isinstance(text, list):
        raise ValueError(f"{where}: expected 'reference_strs' as a list of captions, got {shown(text)}; correct it")
    names = [number, *([image_name(row["image_path"], where)] if "image_path" in row else [])]
    return ReferenceImage(tuple(dict.fromkeys(names)), [caption_text(one, where) for one in text])
