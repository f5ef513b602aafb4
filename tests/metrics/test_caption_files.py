import hashlib
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from datamodules.annotations import ReferenceImage, read_references
from evaluation.score_file import Match, match, read_results, training_captions, training_images
from utils.text_files import read_text

COCO: dict[str, Any] = {
    "images": [{"id": 42, "file_name": "val_000042.jpg"}, {"id": 7, "file_name": "val_000007.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "caption": "A cat sits on a mat."},
        {"id": 2, "image_id": 42, "caption": "Two boats on a lake."},
        {"id": 3, "image_id": 7, "caption": "A cat rests."},
    ],
}
KARPATHY: dict[str, Any] = {
    "dataset": "made up",
    "images": [
        {"imgid": 0, "filename": "a.jpg", "split": "train", "sentences": [{"raw": "A red kite.", "tokens": ["no"]}]},
        {"imgid": 1, "filename": "b.jpg", "split": "test", "sentences": [{"raw": "A dog."}, {"tokens": ["a", "pup"]}]},
        {"imgid": 2, "filename": "c.jpg", "split": "test", "sentences": [{"raw": "Rain\nfalls."}]},
        {"imgid": 3, "filename": "d.jpg", "split": "restval", "sentences": [{"raw": "A tram."}]},
    ],
}
TOKENS = "b.jpg#0\tA dog .\nb.jpg#1\tA pup .\r\n\na.jpg#0\t\nb.jpg#10\t  Something\u2028else #3\tthere .  \n"


def write(folder: Path, content: object, name: str = "file") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def match_files(folder: Path, results: object, references: object, **options: Any) -> Match:
    rows = (
        [{"image_id": name, "caption": caption} for name, caption in results] if isinstance(results, list) else results
    )
    return match(
        read_results(write(folder, rows, "results.json")),
        read_references(write(folder, references, "references")),
        **options,
    )


def test_coco_annotations_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    found = read_references(write(tmp_path, COCO))
    assert found.format == "COCO annotations"
    assert [image.names for image in found.images] == [("42", "val_000042.jpg"), ("7", "val_000007.jpg")]
    assert [image.captions for image in found.images] == [
        ["Two boats on a lake."],
        ["A cat sits on a mat.", "A cat rests."],
    ]
    alone = read_references(write(tmp_path, {"annotations": COCO["annotations"]}))
    assert [image.names for image in alone.images] == [("7",), ("42",)]


def test_karpathys_images_have_a_split_and_their_raw_sentences(tmp_path: Path) -> None:
    found = read_references(write(tmp_path, KARPATHY))
    assert found.format == "Karpathy splits"
    assert found.images[1] == ReferenceImage(("1", "b.jpg"), ["A dog.", "a pup"], "test")
    assert [image.names[-1] for image in training_images(found)] == ["a.jpg", "d.jpg"]
    with_cocoid = [{**image, "cocoid": 900 + image["imgid"]} for image in KARPATHY["images"]]
    found = read_references(write(tmp_path, {"images": with_cocoid}))
    assert found.images[1].names == ("901", "b.jpg")


def test_token_files_keep_the_order_and_every_sign_of_a_caption(tmp_path: Path) -> None:
    found = read_references(write(tmp_path, TOKENS))
    assert found.format == "token file"
    assert [(image.names, image.captions) for image in found.images] == [
        (("b.jpg",), ["A dog .", "A pup .", "Something\u2028else #3\tthere ."]),
        (("a.jpg",), [""]),
    ]
    assert [image.names for image in training_images(found)] == [("b.jpg",), ("a.jpg",)]


def test_the_name_and_a_byte_order_mark_of_a_file_mean_nothing(tmp_path: Path) -> None:
    for content, name in [(json.dumps(COCO), "captions.token.txt"), (TOKENS, "captions.json")]:
        plain, marked = tmp_path / name, tmp_path / f"marked_{name}"
        plain.write_text(content, encoding="utf-8")
        marked.write_text(content, encoding="utf-8-sig")
        assert read_references(plain).images == read_references(marked).images
        assert read_references(marked).file == (marked, hashlib.sha256(marked.read_bytes()).hexdigest())


def test_results_call_images_by_number_text_or_file_name(tmp_path: Path) -> None:
    rows = [(42, "one"), ("7", "first"), ("val_000042.jpg", "two"), ("000007", ""), (42, "two"), (7, "third")]
    images = match_files(tmp_path, rows, COCO).images
    assert [(image.image_id, image.candidates) for image in images] == [
        (0, ["one", "two", "two"]),
        (1, ["first", "", "third"]),
    ]
    assert images[1].references == ["A cat sits on a mat.", "A cat rests."]


def test_further_fields_of_results_are_passed_over(tmp_path: Path) -> None:
    rows = [{"image_id": 1, "caption": "a dog", "id": 1, "score": -0.5, "split": None}]
    assert read_results(write(tmp_path, rows)).rows == [("1", "a dog")]


def test_the_split_is_that_of_the_results(tmp_path: Path) -> None:
    found = match_files(tmp_path, [("c.jpg", "rain"), ("b.jpg", "a dog")], KARPATHY)
    assert [image.image_id for image in found.images] == [1, 2]
    assert found[1:] == (["test"], 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"captions of all 2 images, got none of 1 \('c.jpg'\); add them, .*--subset"):
        match_files(tmp_path, [(1, "a dog")], KARPATHY)
    with pytest.raises(ValueError, match=r"of the split 'test' alone, got captions of 1 \('a.jpg'\) of other splits"):
        match_files(tmp_path, [(0, "a"), (1, "b"), (2, "c")], KARPATHY, split="test")
    with pytest.raises(ValueError, match=r"--split val: .*, which has 'restval', 'test', 'train'; change it"):
        match_files(tmp_path, [(1, "a")], KARPATHY, split="val")
    with pytest.raises(ValueError, match=r"--split test: expected a split of .*, which has nothing; change it"):
        match_files(tmp_path, [(42, "a")], COCO, split="test")


def test_a_subset_says_what_it_leaves_out(tmp_path: Path) -> None:
    found = match_files(tmp_path, [(7, "a cat")], COCO, subset=True)
    assert [image.image_id for image in found.images] == [1]
    assert found.images_without_result == 1
    with pytest.raises(ValueError, match=r"captions of all 2 images, got none of 1 \('val_000042.jpg'\)"):
        match_files(tmp_path, [(7, "a cat")], COCO)


def test_images_without_references_are_left_out_or_refused(tmp_path: Path) -> None:
    more = {**COCO, "images": [*COCO["images"], {"id": 8, "file_name": "x.jpg"}]}
    both = [(42, "boats"), (7, "a cat")]
    assert match_files(tmp_path, both, more).images_without_references == 1
    with pytest.raises(
        ValueError, match=r"expected images with references, got captions of 1 \('x.jpg'\) that have no"
    ):
        match_files(tmp_path, [*both, (8, "sky")], more)


def test_every_image_has_as_many_captions(tmp_path: Path) -> None:
    rows = [(42, "one"), (42, "two"), (42, "three"), (7, "first"), (7, "second")]
    uneven = r"got 2 to 3, fewer than 3 of 1 \('val_000007.jpg'\); add the missing ones, .*first 2 with --num 2"
    with pytest.raises(ValueError, match=uneven):
        match_files(tmp_path, rows, COCO)
    found = match_files(tmp_path, rows, COCO, num=2)
    assert [image.candidates for image in found.images] == [["one", "two"], ["first", "second"]]
    assert found.captions_left_out == 1
    assert match_files(tmp_path, rows, COCO, num=1).captions_left_out == 3
    for num in (0, 3):
        with pytest.raises(ValueError, match=rf"--num {num}: expected 1 to 2, the fewest captions of an image"):
            match_files(tmp_path, rows, COCO, num=num)


def test_images_that_the_references_do_not_have_are_named(tmp_path: Path) -> None:
    rows = [(name, "a") for name in (7, 8, 9, 9, "x.jpg", 10)]
    unknown = r"calls its first '42' or 'val_000042.jpg'; got 4 that it does not have \('8', '9', 'x.jpg', …\); rename"
    with pytest.raises(ValueError, match=unknown):
        match_files(tmp_path, rows, COCO)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected captions, got an empty file"),
        (" \n\t\n", "expected captions, got an empty file"),
        ("[]", "expected at least one result, got an empty list"),
        ("[1", "expected JSON, got 'Expecting ',' delimiter: line 1 column 3"),
        (
            '{"image_id": 1, "caption": "a"}\n{"image_id": 2, "capt',
            "expected JSON, got 'Unterminated string .*: line 2",
        ),
        ('{"image_id": 1, "caption": "a"}\n\n[3]', "line 3: expected an object such as .*, got"),
        ('{"image": "a.jpg", "captions": []}', "line 1: expected at least one caption, got an empty list"),
        ({"1": ["a"], "2": []}, "image '2': expected at least one caption, got an empty list"),
        ({"1": [["a"]]}, r"image '1': expected a caption as text, got \["),
        (
            {"results": [{"image_id": 1, "caption": "a"}]},
            "image 'results': .* got one of 1; .* write the list under it",
        ),
        ("image_id,caption\n1,a dog\n2\n", r"line 3: expected 2 columns \(image_id, caption\), got 1 in \"2\""),
        ('image_id,caption\n1,"a' + "x" * 200_000 + '"\n', "line 2: expected CSV, got 'field larger"),
        ('image_id,caption\n1,"a dog\n2,a cat\n', "line 3: expected CSV, got 'unexpected end of data'"),
        ('"name,caption', "expected results as JSON .*, got text that starts with"),
        ("name,caption\n1,a\n", "expected results as JSON .*, got text that starts with 'name,caption"),
        ('[{"image_id": 1, "caption": NaN}]', "expected JSON, got 'NaN is no number of JSON'"),
        ('[{"image_id": 1, "caption": "a", "score": -Infinity}]', "got '-Infinity is no number of JSON'"),
        ('[{"image_id": 1, "caption": "a", "caption": "b"}]', "got 'an object with the key 'caption' twice'"),
        ("[" * 100_000, "got lists within lists, too deep to read"),
        (
            COCO,
            "expected results as JSON .*, got an object with 'images', 'annotations': COCO annotations, which are ref",
        ),
        ("a.jpg#0\tA dog .", "expected results as JSON .*, got a token file, which is a format of references; write"),
        ([{"image_id": 1, "caption": "a"}, 3], "row 2: expected an object such as .*, got 3"),
        ([{"image_id": 1}], "row 1: expected the field 'caption', got only 'image_id'; add it"),
        ([{"caption": "a"}], "row 1: expected the field 'image_id', got only 'caption'; add it"),
        ([{"image_id": None, "caption": "a"}], "row 1: expected an image's number or file name, got null"),
        ([{"image_id": True, "caption": "a"}], "row 1: expected an image's number or file name, got true"),
        ([{"image_id": 1.0, "caption": "a"}], "row 1: expected an image's number or file name, got 1.0"),
        ([{"image_id": " ", "caption": "a"}], "row 1: expected an image's number or file name, got "),
        ([{"image_id": 1, "caption": None}], "row 1: expected a caption as text, got null"),
        ([{"image_id": 1, "caption": [["a"], "b"]}], r'row 1: expected a caption as text, got \["a"\]'),
        ([{"image_id": 1, "caption": 3}], "row 1: expected a caption as text, got 3"),
        (
            [{"image_id": 1, "caption": "a \ud83d"}],
            "row 1: .* got half of a surrogate pair in .*; write the file again",
        ),
    ],
)
def test_bad_results(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=rf"results\.json.*{message}") as failure:
        read_results(write(tmp_path, content, "results.json"))
    assert "\n" not in str(failure.value)


def _coco(**changes: object) -> dict[str, Any]:
    return {**COCO, **changes}


def _karpathy(**changes: object) -> dict[str, Any]:
    return {"images": [KARPATHY["images"][0], {**KARPATHY["images"][1], **changes}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected captions, got an empty file"),
        ([{"image_id": 1, "caption": "a"}], "expected references, got a list as in results; if these are"),
        (
            {"info": 1, "licenses": 2},
            "expected COCO annotations, .*, got an object with 'info', 'licenses'; docs/metrics.md lists",
        ),
        ({"data": [{"image_id": 1}]}, "data row 1: expected the field 'reference_strs'"),
        ({"data": [{"image_id": 1, "reference_strs": "a"}]}, "data row 1: expected 'reference_strs' as a list"),
        (
            {"annotations": [{"image_id": 1, "caption": "a", "is_rejected": "no"}]},
            "annotations row 1: expected is_rejected and is_precanned as true or false, got",
        ),
        ("A dog runs .\n", r"expected COCO annotations, .* or lines .*, got text that starts with 'A dog runs .'"),
        ({"annotations": []}, "expected captions of at least one image, got none"),
        ({"annotations": {"1": "a"}}, "annotations row: expected a list of objects, got .*; docs/metrics.md lists"),
        (_coco(annotations=[{"id": 1, "image_id": 3, "caption": "a"}]), "annotations row 1: .* 'images' has, got 3"),
        (_coco(annotations=[{"id": 1, "image_id": 7}]), "annotations row 1: expected the field 'caption'"),
        (_coco(annotations=[*COCO["annotations"], COCO["annotations"][1]]), "row 4: .*, got 2 as in .* row 2; remove"),
        (_coco(images=[*COCO["images"], {"id": 7}]), "images row 3: expected each image once, got id 7 again"),
        (_coco(images=[{"id": 7, "file_name": "a"}, {"id": 42, "file_name": "a"}]), "got two images named 'a'; rename"),
        (_coco(images=[{"id": 7, "file_name": "42"}, {"id": 42}]), "got two images named '42'; rename"),
        (_karpathy(filename="a.jpg"), "got two images named 'a.jpg'; rename"),
        (_karpathy(cocoid=5), "images row 1: expected the field 'cocoid', got only 'imgid', 'filename', 'split', …"),
        (_karpathy(split=None), "images row 2: expected 'split' as text such as \"test\", got null"),
        (_karpathy(sentences="a dog"), 'images row 2, sentence: expected a list of objects, got "a dog"'),
        (_karpathy(sentences=[{}]), "images row 2, sentence 1: expected the field 'tokens', got only nothing"),
        (_karpathy(sentences=[{"tokens": "a dog"}]), "sentence 1: expected 'tokens' as a list of words, got"),
        (_karpathy(sentences=[{"tokens": ["a", 1]}]), "sentence 1: expected a caption as text, got 1"),
        ({"images": [{"split": "test", "sentences": []}]}, "expected 'filename', 'cocoid' or 'imgid', got none"),
        (
            "a.jpg#0\tA dog .\na.jpg A dog .\n",
            "line 2: expected 'image.jpg#0<TAB>A caption .', got .*; correct the line",
        ),
        (
            "a.jpg#0\tA dog .\n\na.jpg#0\tA pup .\n",
            "line 3: expected each caption once, got a.jpg#0 again, as on line 1",
        ),
    ],
)
def test_bad_references(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=rf"references.*{message}") as failure:
        read_references(write(tmp_path, content, "references"))
    assert "\n" not in str(failure.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes('["caf\u00e9"]'.encode("latin-1"))
    for name, message in [
        ("latin", "latin: expected UTF-8 text, got 'utf-8' codec .* position 5.*; convert the file to UTF-8"),
        ("gone", "gone: expected a readable file, got 'No such file or directory'; check the path"),
        (".", ": expected a readable file, got 'Is a directory'; check the path"),
    ]:
        with pytest.raises(ValueError, match=message):
            read_text(tmp_path / name)


def test_no_more_than_the_limit_is_taken_in(tmp_path: Path) -> None:
    path = write(tmp_path, "x" * 1000)
    assert read_text(path, max_bytes=1000)[1] == "x" * 1000
    with pytest.raises(ValueError, match=r"file: expected at most 0.000999 MB, got more; .* --max-megabytes"):
        read_text(path, max_bytes=999)
    with pytest.raises(ValueError, match=r"expected at most 0\.5 MB, got more"):
        read_results(Path("/dev/zero"), max_bytes=500_000)


def test_training_images_are_those_of_the_training_splits(tmp_path: Path) -> None:
    only_test = {"images": KARPATHY["images"][1:3]}
    with pytest.raises(
        ValueError, match="expected images of the split 'train' or 'restval', got 'test'; give the file"
    ):
        training_images(read_references(write(tmp_path, only_test)))


def test_training_captions_are_of_other_images_than_the_scored(tmp_path: Path) -> None:
    references = read_references(write(tmp_path, KARPATHY, "references"))
    scored = match_files(tmp_path, [("b.jpg", "a dog"), (2, "rain")], KARPATHY)
    assert training_captions(references, references, scored) == ["A red kite.", "A tram."]
    everything = read_references(write(tmp_path, TOKENS, "all.txt"))
    overlap = r"all.txt: expected training captions of other images .*, got those of 1 \('b.jpg'\) as well; give a file"
    with pytest.raises(ValueError, match=overlap):
        training_captions(everything, references, scored)
    others = read_references(write(tmp_path, {"annotations": [{"image_id": 1, "caption": "Snow."}]}, "others"))
    assert training_captions(others, references, scored) == ["Snow."]  # its image 1 is of another data set
    for training, held_out, refused in (("x/b.jpg", "b.jpg", 1), ("b.jpg", "x/b.jpg", 1), ("y/b.jpg", "x/b.jpg", 0)):
        files = [read_references(write(tmp_path, {name: ["Fog."]}, "f")) for name in (training, held_out)]
        scored = match_files(tmp_path, [(held_out, "a dog")], {held_out: ["A dog."]})
        with pytest.raises(ValueError, match="other images") if refused else nullcontext():
            training_captions(*files, scored)
