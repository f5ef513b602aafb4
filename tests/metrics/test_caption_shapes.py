"""Captions in the shapes that tools write them in, names of images that differ, and files that are no text."""

import bz2
import gzip
import json
import lzma
import pickle
import re
from pathlib import Path

import pytest

from datamodules.annotations import ReferenceImage, read_references
from evaluation.score_file import match, read_results
from tests.metrics.test_caption_files import COCO, match_files, write

ROWS = [(42, ["one", "two"]), (7, ["first", "second"])]
SHAPES: dict[str, object] = {
    "list": [{"image_id": name, "caption": said} for name, captions in ROWS for said in captions],
    "texts of numbers": [{"image_id": f"{name:06d}", "caption": said} for name, captions in ROWS for said in captions],
    "several in a row": [{"image": f"val_{name:06d}.jpg", "caption": captions} for name, captions in ROWS],
    "JSON Lines": "".join(
        f'{{"image_id": {name}, "caption": "{said}", "score": -1.5}}\r\n'
        for name, captions in ROWS
        for said in captions
    ),
    "objects over many lines": "\n".join(
        json.dumps({"file_name": f"val_{name:06d}.jpg", "captions": captions}, indent=1) for name, captions in ROWS
    ),
    "of caption.py": "".join(
        json.dumps({"run": "0123", "image": f"my photos/val_{name:06d}.jpg", "captions": captions, "finished": [True]})
        + "\n"
        for name, captions in ROWS
    ),
    "by image": {str(name): captions for name, captions in ROWS},
    "by image, as objects": {str(name): [{"caption": said} for said in captions] for name, captions in ROWS},
    "by image, one each": {"42": {"caption": "one"}, "7": "first"},
    "by image, of their ids": {
        str(name): [{"image_id": name, "id": 3, "caption": said} for said in captions] for name, captions in ROWS
    },
    "CSV": "image_id,caption\n" + "".join(f'{name},"{said}"\n' for name, captions in ROWS for said in captions),
    "CSV of columns": "file_name\tsplit\tcaption_0\tcaption_1\tcaption_2\n"
    + "".join(f"val_{name:06d}.jpg\ttest\t{chr(9).join(captions)}\t\n" for name, captions in ROWS),
    "bars": "image_name| comment_number| comment\n"
    + "".join(f"val_{name:06d}.jpg| {i}| {said}\n" for name, captions in ROWS for i, said in enumerate(captions)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_results_of_other_tools_are_those_of_coco(tmp_path: Path, shape: str) -> None:
    content = SHAPES[shape]
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "results").write_text(f"\ufeff\n{text}", "utf-8")
    found = match(read_results(tmp_path / "results"), read_references(write(tmp_path, COCO)))
    num = 1 if shape == "by image, one each" else 2
    assert [(image.image_id, image.candidates) for image in found.images] == [
        (i, said[:num]) for i, (_, said) in enumerate(ROWS)
    ]
    assert found.images_found_by_part_of_name == (2 if shape == "of caption.py" else 0)


def test_captions_keep_every_sign_in_every_shape(tmp_path: Path) -> None:
    said = 'a\ttab, a "quote" | a bar\nnext\r\u2028line \u0007 \U0001f415'
    quoted = said.replace('"', '""')
    for content in (
        [{"image_id": 1, "caption": said}],
        json.dumps({"image_id": 1, "caption": said}) + "\n" + json.dumps({"image_id": 2, "caption": ""}),
        {"1": said},
    ):
        assert read_results(write(tmp_path, content)).rows[0] == ("1", said)
    assert read_results(write(tmp_path, f'image,caption\n1,"{quoted}"\n')).rows == [("1", said)]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ([{"image": "val/1.jpg", "caption": ["A dog.", "A pup."]}], ("val/1.jpg",)),  # BLIP
        (
            [{"image": "val/1.jpg", "image_id": "coco_1", "caption": said} for said in ("A dog.", "A pup.")],
            ("coco_1", "val/1.jpg"),
        ),
        ([{"image": "1.jpg", "img_id": 4, "caption": ["A dog.", "A pup."]}], ("4", "1.jpg")),  # nocaps, as LAVIS has it
        ({"1": ["A dog.", "A pup."]}, ("1",)),
        ('image,caption\n1.jpg,A dog.\n1.jpg,"A pup."\n', ("1.jpg",)),  # Flickr8k on Kaggle
        (
            {
                "dataset_name": "textcaps",
                "data": 2 * [{"image_id": "0a", "image_path": "train/0a.jpg", "reference_strs": ["A dog.", "A pup."]}],
            },
            ("0a", "train/0a.jpg"),
        ),
    ],
)
def test_references_of_other_data_sets(tmp_path: Path, content: object, names: tuple[str, ...]) -> None:
    found = read_references(write(tmp_path, content))
    assert found.images == [ReferenceImage(names, ["A dog.", "A pup."])]


def test_images_are_found_by_a_part_of_their_name_if_only_one_can_be_meant(tmp_path: Path) -> None:
    names = ["val/COCO_val2014_000000000042.jpg", "cafe\u0301.jpg", "a/x.png", "b/x.png", "9"]
    references = {name: ["A dog."] for name in names}
    for result, place in (
        (42, 0),
        ("000042", 0),
        ("COCO_val2014_000000000042.jpg", 0),
        ("C:\\photos\\COCO_val2014_000000000042.JPG", 0),
        ("000000000042.png", 0),
        ("caf\u00e9", 1),
        ("a/x.png", 2),
        ("COCO_val2014_000000000009.jpg", 4),
    ):
        found = match_files(tmp_path, [(result, "a dog")], references, subset=True)
        assert [image.image_id for image in found.images] == [place], result
    for result in ("x.png", "142.jpg", "c/x.png", "coco_9x.jpg"):
        with pytest.raises(ValueError, match="got 1 that it does not have"):
            match_files(tmp_path, [(result, "a dog")], references, subset=True)
    with pytest.raises(ValueError, match=r"one name for each image, got 'p/42.jpg' and 'q/42.jpg', which may both be"):
        match_files(tmp_path, [("p/42.jpg", "a dog"), ("q/42.jpg", "a cat")], references, subset=True)


VIZWIZ = {
    "images": [{"id": number, "file_name": f"v{number}.jpg"} for number in (1, 2, 3)],
    "annotations": [
        {"id": 1, "image_id": 1, "caption": "A can.", "is_precanned": False, "is_rejected": False},
        {"id": 2, "image_id": 1, "caption": "Too dark.", "is_precanned": True, "is_rejected": True},
        {"id": 3, "image_id": 2, "caption": "Quality issues.", "is_precanned": True, "is_rejected": False},
        {"id": 4, "image_id": 3, "caption": "A hand.", "is_precanned": 0, "is_rejected": None},
        {"id": 5, "image_id": 3, "caption": "bad", "is_precanned": False, "is_rejected": 1},
    ],
}


def test_rejected_and_ready_made_references_are_left_out_and_counted(tmp_path: Path) -> None:
    all_three = [(number, "a can") for number in (1, 2, 3)]
    found = match_files(tmp_path, all_three, VIZWIZ)
    assert [image.references for image in found.images] == [["A can."], ["A hand."]]
    assert (found.images_with_rejected_alone, found.images_without_references) == (1, 0)
    references = read_references(write(tmp_path, VIZWIZ))
    assert [len(image.rejected) for image in references.images] == [1, 1, 1]
    assert match_files(tmp_path, [all_three[0], all_three[2]], VIZWIZ).images_without_references == 1
    kept = read_references(write(tmp_path, VIZWIZ), keep_rejected=True)
    assert [image.captions for image in kept.images] == [
        ["A can.", "Too dark."],
        ["Quality issues."],
        ["A hand.", "bad"],
    ]
    with pytest.raises(ValueError, match="expected images with references"):
        match_files(tmp_path, [all_three[1]], VIZWIZ, subset=True)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(b"[]", mtime=0), "a file compressed by gzip; unpack it with gunzip"),
        (bz2.compress(b"[]"), "a file compressed by bzip2; unpack it with bunzip2"),
        (lzma.compress(b"[]"), "a file compressed by xz; unpack it with unxz"),
        (pickle.dumps([{"image_id": 1}]), "a pickle; it could run code and is never read"),
        ("[]".encode("utf-16"), "UTF-16 text; convert the file to UTF-8: iconv -f UTF-16"),
        ("[{}, {}]".encode("utf-16-le"), "text of two or four bytes a character, such as UTF-16; convert"),
        ("[]".encode("utf-32"), "UTF-32 text; convert the file"),
        (b"PK\x03\x04....[Content_Types].xml", "a spreadsheet; save it as CSV in UTF-8"),
        (b"PK\x03\x04....results.json", "a zip archive; unpack it"),
        (b"[1, \x00\x00\x00]", "a binary file; check that it is the right one"),
    ],
)
def test_files_that_are_no_text_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "file").write_bytes(content)
    for read in (read_results, read_references):
        with pytest.raises(ValueError, match=f"file: expected text as JSON, got {re.escape(kind)}"):
            read(tmp_path / "file")


def test_captions_to_be_scored_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"PAR1\x15\x04PAR1")
    with pytest.raises(ValueError, match=r"expected text as JSON, got a Parquet file; write it as JSON: pandas.read_p"):
        read_results(tmp_path / "file")
