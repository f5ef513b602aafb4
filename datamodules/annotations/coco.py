"""The captions of COCO as its annotation files hold them."""

from collections.abc import Mapping
from typing import Any

from datamodules.annotations.fields import caption_text, field, image_name, objects, shown
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.reference_image import ReferenceImage


def coco_images(content: Mapping[str, Any], path: str, left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return the images of `{"images": [{"id", "file_name"}], "annotations": [{"id", "image_id", "caption"}]}`.

    They come in the order of "images", or, where that is left out, as the annotations first name them. Annotations
    whose "is_rejected" or "is_precanned" is true, as in VizWiz-Captions (Gurari et al., ECCV 2020), are set apart: its
    organisers' reader leaves them out by default.

    Raises:
        ValueError: The shape is another, an image or annotation is there twice, or an annotation's image is not there.
    """
    images: dict[str, ReferenceImage] = {}
    for where, row in objects(content.get("images", []), f"{path}, images row", left_out):
        with left_out:
            number = image_name(field(row, "id", where), where)
            if number in images:
                raise ValueError(f"{where}: expected each image once, got id {number} again; remove one of its rows")
            file_name = [image_name(row["file_name"], where)] if "file_name" in row else []
            images[number] = ReferenceImage((number, *file_name), [])
    first_of_id: dict[str, str] = {}
    rejected: dict[str, list[str]] = {}
    for where, row in objects(content["annotations"], f"{path}, annotations row", left_out):
        with left_out:
            if "id" in row:
                _check_new(row["id"], where, first_of_id)
            number = image_name(field(row, "image_id", where), where)
            if "images" in content and number not in images:
                raise ValueError(f"{where}: expected an image_id that 'images' has, got {number}; add the image")
            image = images.setdefault(number, ReferenceImage((number,), []))
            captions = rejected.setdefault(number, []) if _is_rejected(row, where) else image.captions
            captions.append(caption_text(field(row, "caption", where), where))
    return [image._replace(rejected=tuple(rejected.get(number, ()))) for number, image in images.items()]


def _is_rejected(row: Mapping[str, Any], where: str) -> bool:
    values = [row[name] for name in ("is_rejected", "is_precanned") if name in row]
    for value in values:
        if value not in (True, False, None):
            raise ValueError(f"{where}: expected is_rejected and is_precanned as true or false, got {shown(value)}")
    return any(values)


def _check_new(annotation_id: object, where: str, first_of_id: dict[str, str]) -> None:
    name = image_name(annotation_id, where)
    if name in first_of_id:
        raise ValueError(
            f"{where}: expected an id of its own, got {name} as in {first_of_id[name]}; remove one of them"
        )
    first_of_id[name] = where
