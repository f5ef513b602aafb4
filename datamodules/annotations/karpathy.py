"""Karpathy's splits of COCO, Flickr8k and Flickr30k: `dataset_coco.json` and its like."""

from collections.abc import Mapping
from typing import Any

from datamodules.annotations.fields import caption_text, field, image_name, objects, shown
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.reference_image import ReferenceImage


def karpathy_images(content: Mapping[str, Any], path: str, left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return the images of `{"images": [{"split", "filename", "cocoid" or "imgid", "sentences": [{"raw"}]}]}`.

    An image's number is its "cocoid"; its "imgid" in a file without any "cocoid". A sentence without "raw" is its
    "tokens" with spaces between.

    Raises:
        ValueError: The shape is another, or only some of the images have a "cocoid".
    """
    rows = list(objects(content["images"], f"{path}, images row", left_out))
    number_key = "cocoid" if any("cocoid" in row for _, row in rows) else "imgid"
    images = []
    for where, row in rows:
        with left_out:
            images.append(_image(row, where, number_key))
    return images


def _image(row: Mapping[str, Any], where: str, number_key: str) -> ReferenceImage:
    number = [field(row, number_key, where)] if number_key == "cocoid" or "imgid" in row else []
    names = [*number, *([row["filename"]] if "filename" in row else [])]
    if not names:
        raise ValueError(f"{where}: expected 'filename', 'cocoid' or 'imgid', got none of them; add one")
    split = field(row, "split", where)
    if not isinstance(split, str):
        raise ValueError(f"{where}: expected 'split' as text such as \"test\", got {shown(split)}; correct the row")
    sentences = objects(field(row, "sentences", where), f"{where}, sentence")
    captions = [_caption(sentence, at) for at, sentence in sentences]
    return ReferenceImage(tuple(image_name(name, where) for name in names), captions, split)


def _caption(sentence: Mapping[str, Any], where: str) -> str:
    if "raw" in sentence:
        return caption_text(sentence["raw"], where)
    tokens = field(sentence, "tokens", where)
    if not isinstance(tokens, list):
        raise ValueError(f"{where}: expected 'tokens' as a list of words, got {shown(tokens)}; correct the row")
    return " ".join(caption_text(token, where) for token in tokens)
