"""What score.py says of its two files: swapped, rejected captions, images that are named differently, other scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

import score

SAID = {1: ["A small boat.", "Too dark to see."], 2: ["A cat sleeps.", "The cat is asleep."]}
RESULTS = [{"image_id": number, "caption": captions[0]} for number, captions in SAID.items()]
ANNOTATIONS = {
    "annotations": [
        {"image_id": number, "caption": text, "is_rejected": "dark" in text} for number in SAID for text in SAID[number]
    ]
}


def _score(folder: Path, results: object, references: object, *options: str) -> dict[str, Any]:
    for name, content in (("results.json", results), ("references.json", references)):
        (folder / name).write_text(json.dumps(content))
    paths = [str(folder / name) for name in ("results.json", "references.json")]
    score.main([*paths, "--meteor", "no", "--out", str(folder / "scores.json"), *options])
    written: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    return written


def test_swapped_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(
        SystemExit, match=r"results.json: expected results, got references, and results in .*; give the"
    ):
        _score(tmp_path, ANNOTATIONS, RESULTS)
    for content, message in (
        (ANNOTATIONS, "results.json: expected results as JSON .*, got an object with 'annotations': COCO annotations"),
        (RESULTS, "references.json: expected references, got a list as in results"),
    ):
        with pytest.raises(SystemExit, match=message) as exit_of:
            _score(tmp_path, content, content)
        assert "give the results first" not in str(exit_of.value)


def test_rejected_references_are_left_out_unless_they_are_to_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = _score(tmp_path, RESULTS, ANNOTATIONS)
    assert written["settings"]["references_per_image"] == {"min": 1, "max": 2}
    assert written["settings"]["rules"]["references_rejected"] == 1
    assert "note: references that were rejected or ready-made, left out (--keep-rejected" in capsys.readouterr().out
    kept = _score(tmp_path, RESULTS, ANNOTATIONS, "--keep-rejected")
    assert kept["settings"]["references_per_image"] == {"min": 2, "max": 2}
    assert "--keep-rejected" not in capsys.readouterr().out


def test_names_that_differ_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [{"image": f"photos/{number}.jpg", "captions": captions[:1]} for number, captions in SAID.items()]
    written = _score(tmp_path, results, ANNOTATIONS)
    assert written["coco/BLEU-1"] == _score(tmp_path, RESULTS, ANNOTATIONS)["coco/BLEU-1"]
    assert written["settings"]["rules"]["images_found_by_part_of_name"] == 2
    assert "found by a part of the name: 2" in capsys.readouterr().out


def test_captions_without_spaces_between_words_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [{"image_id": number, "caption": "一只狗在草地上"} for number in SAID]
    written = _score(tmp_path, results, ANNOTATIONS)
    (note,) = [note for note in written["settings"]["notes"] if "without spaces" in note]
    assert f"note: {note}" in capsys.readouterr().out


def _beside(folder: Path, captions: dict[str, list[str]]) -> Path:
    """Write a folder of images with their captions beside them."""
    folder.mkdir()
    for name, texts in captions.items():
        (folder / f"{name}.jpg").touch()
        (folder / f"{name}.txt").write_text("\n".join(texts))
    return folder


def test_folders_with_captions_beside_images_are_read_wherever_captions_are(tmp_path: Path) -> None:
    photos = _beside(tmp_path / "photos", {str(number): captions for number, captions in SAID.items()})
    others = _beside(tmp_path / "others", {"3": ["A cat sleeps."], "4": ["A small dog."]})
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    arguments = [str(tmp_path / "results.json"), str(photos), "--meteor", "no", "--out", str(tmp_path / "scores.json")]
    score.main([*arguments, "--train-captions", str(others), "--document-frequencies", str(others)])
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["coco/BLEU-1"] == pytest.approx(1)  # each is one of its references
    settings = scores["settings"]
    assert settings["references"]["format"] == "captions beside each image"
    assert settings["document_frequencies"]["sha256"] == settings["training_captions"]["sha256"]
    assert settings["references"]["sha256"] != settings["training_captions"]["sha256"]
    (others / "4.txt").write_text("A dog.")
    score.main([*arguments, "--train-captions", str(others)])
    changed = json.loads((tmp_path / "scores.json").read_text())["settings"]
    assert changed["training_captions"]["sha256"] != settings["training_captions"]["sha256"]


def test_a_folder_without_captions_and_a_column_that_is_not_there_are_told(tmp_path: Path) -> None:
    folder = _beside(tmp_path / "photos", {})
    (folder / "a.jpg").touch()
    with pytest.raises(SystemExit, match=r"photos: expected a file of references, or a folder with name.txt beside"):
        _score_of(tmp_path, folder)
    (tmp_path / "table.csv").write_text("picture,words\n1.jpg,A boat.\n")
    message = r"a column 'wrds', got 'picture', 'words' \(did you mean words\?\); name the columns by .* score.py"
    with pytest.raises(SystemExit, match=message):
        _score_of(tmp_path, tmp_path / "table.csv", "--image-column", "picture", "--caption-column", "wrds")


def _score_of(folder: Path, references: Path, *options: str) -> None:
    (folder / "results.json").write_text(json.dumps(RESULTS))
    score.main([str(folder / "results.json"), str(references), "--meteor", "no", *options])
