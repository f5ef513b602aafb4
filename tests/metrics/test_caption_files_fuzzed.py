import json
from typing import Any

from hypothesis import example, given

from datamodules.annotations import read_references
from evaluation.score_file import read_results
from metrics import DocumentFrequencies
from tests.malformed import fragments, nearly, read_or_refuse

PIECES = [
    b"a.jpg", b"#", b"0", b"\t", b"\n", b"\r\n", b" ", b"A dog .", b"\xff", b"\xef\xbb\xbf", b"\0", b"\xe2\x80\xa8",
    b"[", b"{", b"}", b"]", b":", b",", b'"', b'"image_id"', b'"caption"', b'"images"', b'"annotations"', b"NaN",
]  # fmt: skip
RESULTS = [{"image_id": 42, "caption": "a cat"}, {"image_id": "b.jpg", "caption": "a dog"}]
COCO = {"images": [{"id": 42, "file_name": "a.jpg"}], "annotations": [{"id": 1, "image_id": 42, "caption": "a cat"}]}
KARPATHY = {
    "images": [{"imgid": 0, "filename": "a.jpg", "split": "test", "sentences": [{"raw": "a cat"}, {"tokens": ["a"]}]}]
}
FREQUENCIES = {"num_images": 2, "counts": {"a": 1, "a cat": 2}}
DEEP = b"[" * 100_000
LONG = b"9" * 10_000


def _check_results(content: bytes) -> None:
    results = read_or_refuse(read_results, content)
    assert results is None or all(isinstance(row.caption, str) and row.image for row in results.rows)


def _check_references(content: bytes) -> None:
    references = read_or_refuse(read_references, content)
    assert references is None or any(image.captions for image in references.images)


def _check_frequencies(content: bytes) -> None:
    frequencies = read_or_refuse(DocumentFrequencies.load, content)
    assert frequencies is None or all(0 < count <= frequencies.num_images for count in frequencies.counts.values())


@given(fragments(PIECES))
@example(DEEP)
@example(LONG)
@example(b'{"num_images": ' + DEEP)
@example(b'{"num_images": ' + LONG + b', "counts": {}}')
@example(b'[{"image_id": ' + LONG + b', "caption": "a"}]')
@example(b'{"annotations": [{"id": 1e400, "image_id": 1, "caption": "a"}]}')
@example(b"a.jpg#" + LONG + b"\tA dog .")
def test_any_bytes_are_captions_or_refused(content: bytes) -> None:
    _check_results(content)
    _check_references(content)
    _check_frequencies(content)


@given(nearly(RESULTS))
def test_any_json_is_results_or_refused(document: Any) -> None:
    _check_results(json.dumps(document).encode())


@given(nearly(COCO))
def test_any_json_is_coco_annotations_or_refused(document: Any) -> None:
    _check_references(json.dumps(document).encode())


@given(nearly(KARPATHY))
def test_any_json_is_karpathys_splits_or_refused(document: Any) -> None:
    _check_references(json.dumps(document).encode())


@given(nearly(FREQUENCIES))
def test_any_json_is_document_frequencies_or_refused(document: Any) -> None:
    _check_frequencies(json.dumps(document).encode())
