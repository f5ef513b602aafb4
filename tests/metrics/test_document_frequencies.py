import json
from pathlib import Path

import pytest

from metrics import DocumentFrequencies

REFERENCES = [[("a", "b", "a", "b", "a"), ("a",)], [("b", "a", "c"), ()], [("é",)]]


def test_images_that_say_an_ngram_are_counted_once_each() -> None:
    frequencies = DocumentFrequencies.of(REFERENCES)
    assert frequencies.num_images == 3
    assert frequencies.counts == {
        "a": 2,
        "b": 2,
        "c": 1,
        "é": 1,
        "a b": 1,
        "b a": 2,
        "a c": 1,
        "a b a": 1,
        "b a b": 1,
        "b a c": 1,
        "a b a b": 1,
        "b a b a": 1,
    }


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "frequencies.json"
    frequencies = DocumentFrequencies.of(REFERENCES)
    frequencies.save(path)
    assert DocumentFrequencies.load(path) == frequencies
    assert [*tmp_path.iterdir()] == [path]


def test_no_image_has_no_frequencies() -> None:
    with pytest.raises(ValueError, match="at least one image to count document frequencies, got none"):
        DocumentFrequencies.of([])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a readable file, got 'No such file or directory'"),
        ("{", "expected document frequencies that DocumentFrequencies.save wrote"),
        ("[]", "expected document frequencies that DocumentFrequencies.save wrote"),
        (json.dumps({"counts": {}}), "expected document frequencies that DocumentFrequencies.save wrote"),
        (json.dumps({"num_images": 2, "counts": [1]}), "expected document frequencies that"),
        (json.dumps({"num_images": 2, "counts": {"a": "1"}}), "expected document frequencies that"),
        (json.dumps({"num_images": 2, "counts": {"a": 3}}), "counts between 1 and num_images=2"),
        (json.dumps({"num_images": 2, "counts": {"a": 0}}), "counts between 1 and num_images=2"),
        (json.dumps({"num_images": 2, "counts": {"a": 1.5}}), "counts between 1 and num_images=2"),
        (json.dumps({"num_images": 0, "counts": {}}), "counts between 1 and num_images=0"),
    ],
)
def test_other_files_are_refused(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "frequencies.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=f"{path}: expected.*{message.removeprefix('expected ')}"):
        DocumentFrequencies.load(path)
