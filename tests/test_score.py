import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

import score
from evaluation.score_file import summary
from metrics.bleu import BLEU_NAMES
from metrics.caption_metric import ImageCaptions
from metrics.document_frequencies import DocumentFrequencies
from metrics.meteor import meteor_unavailable
from metrics.ptb_tokenizer import ptb_tokenize
from metrics.scorer import human_captions, score_captions
from tests.metrics.fake_java import COMMA, install_meteor
from tests.tiny_run import ROOT

SAID = {
    "boat.jpg": ["A small boat on the lake.", "A red boat floats.", "Someone rows a boat on calm water."],
    "cat.jpg": ["A cat sleeps on a mat.", "The cat is asleep.", "A grey cat lies on the mat."],
    "kite.jpg": ["A child flies a kite.", "Two kites in the sky.", "A kite above a field, and a child."],
}
CANDIDATES = {
    "kite.jpg": ["a child with a kite", "a child with a kite"],
    "boat.jpg": ["a boat on the lake", "water"],
    "cat.jpg": ["the cat is asleep on the mat", "..."],
}
TRAINING = {"old.jpg": ["A boat on the lake!", "Grass."], "older.jpg": ["A dog runs on the mat."]}
IMAGES = [ImageCaptions(i, CANDIDATES[name], SAID[name]) for i, name in enumerate(SAID)]


def _tokens(captions: dict[str, list[str]]) -> str:
    return "".join(f"{name}#{i}\t{text}\n" for name, of_image in captions.items() for i, text in enumerate(of_image))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, references and training captions, from which the command is run."""
    rows = [{"image_id": name, "caption": caption} for name, captions in CANDIDATES.items() for caption in captions]
    (tmp_path / "results.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "references").write_text(_tokens(SAID), encoding="utf-8")
    (tmp_path / "training").write_text(_tokens(TRAINING), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _score(*arguments: str) -> dict[str, Any]:
    """Run the command without METEOR and return what it writes."""
    score.main(["results.json", "references", "--meteor", "no", *arguments])
    written: dict[str, Any] = json.loads(Path("scores.json").read_text(encoding="utf-8"))
    return written


def _numbers(written: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in written.items() if name not in ("human", "settings")}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("protocol", ["a", "b", "both"])
def test_writes_what_the_functions_return(folder: Path, protocol: str) -> None:
    protocols = ("a", "b") if protocol == "both" else (protocol,)
    written = _score("--protocol", protocol, "--human", "--train-captions", "training")
    training = [caption for captions in TRAINING.values() for caption in captions]
    expected = score_captions(IMAGES, protocols=protocols, training_captions=training)
    assert _numbers(written) == expected
    assert written["human"] == human_captions(IMAGES, protocols=protocols, training_captions=training)
    assert ("A/novel" in written, "B/novel" in written) == ("a" in protocols, "b" in protocols)
    assert written["settings"]["protocols"] == [*protocols]


def test_settings_say_what_the_scores_depend_on(folder: Path) -> None:
    settings = _score("--train-captions", "training")["settings"]
    assert settings["facet"] == version("facet")
    assert settings["tokenizer"].startswith("Penn Treebank")
    assert settings["document_frequencies"] == {"source": "the references of the scored images", "images": 3}
    assert (settings["images"], settings["captions_per_image"]) == (3, 2)
    assert settings["references_per_image"] == {"min": 3, "max": 3}
    assert settings["meteor"] is None
    assert settings["results"] == {"file": "results.json", "sha256": _sha256(folder / "results.json")}
    assert settings["references"]["sha256"] == _sha256(folder / "references")
    assert (settings["references"]["format"], settings["references"]["splits"]) == ("token file", [])
    assert settings["training_captions"]["file"] == "training"
    assert settings["rules"] == {
        "images_without_result": 0,
        "images_without_references": 0,
        "captions_left_out": 0,
        "captions_without_words": 1,
        "repeated_captions": 1,
        "references_without_words": 0,
        "references_rejected": 0,
        "images_with_rejected_alone": 0,
        "images_found_by_part_of_name": 0,
    }


def test_one_caption_an_image_has_accuracy_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = _score("--num", "1")
    assert [*_numbers(written)] == [f"coco/{name}" for name in (*BLEU_NAMES, "ROUGE-L", "CIDEr-D")]
    assert written["human"] is None
    assert written["settings"]["rules"]["captions_left_out"] == 3
    printed = capsys.readouterr().out
    assert "note: consistency and diversity need several captions of each image\n" in printed
    assert "note: captions left out (--num): 3\n" in printed


def test_a_subset_is_scored_as_if_it_were_all(folder: Path) -> None:
    rows = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps([row for row in rows if row["image_id"] != "cat.jpg"]))
    written = _score("--subset")
    assert _numbers(written) == score_captions([IMAGES[0], IMAGES[2]])
    assert written["settings"]["rules"]["images_without_result"] == 1


def test_document_frequencies_of_other_captions_are_used_and_saved(folder: Path) -> None:
    alone = _score()
    counted = _score("--document-frequencies", "training", "--save-document-frequencies", "saved.json")
    corpus = [[ptb_tokenize(caption) for caption in captions] for captions in TRAINING.values()]
    assert _numbers(counted) == score_captions(IMAGES, frequencies=DocumentFrequencies.of(corpus))
    assert counted["coco/CIDEr-D"] != alone["coco/CIDEr-D"]
    assert counted["settings"]["document_frequencies"] == {
        "file": "training",
        "sha256": _sha256(folder / "training"),
        "images": 2,
    }
    assert _numbers(_score("--document-frequencies", "saved.json")) == _numbers(counted)
    _score("--save-document-frequencies", "own.json")
    assert _numbers(_score("--document-frequencies", "own.json")) == pytest.approx(_numbers(alone))


def test_prints_a_table_of_the_model_and_of_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = _score("--human", "--train-captions", "training")
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = dict(line.strip().split("┃", 1) for line in captured.out.splitlines() if "┃" in line)
    cells = {name.strip(): [cell.strip() for cell in row.split("│")] for name, row in _rows(captured.out)}
    assert rows  # the head
    for name, shown in [
        ("coco/BLEU-4", ".1f"),
        ("coco/CIDEr-D", ".1f"),
        ("min/ROUGE-L", ".1f"),
        ("A/oracle-CIDEr-D", ".1f"),
    ]:
        assert cells[name] == [format(100 * values[name], shown) for values in (written, written["human"])]
    for name in ("A/mBLEU-4", "B/Self-CIDEr", "B/novel"):
        assert cells[name] == [format(values[name], ".3f") for values in (written, written["human"])]
    assert cells["B/vocabulary"] == [f"{values['B/vocabulary']:.0f}" for values in (written, written["human"])]
    assert {*_numbers(written)} <= {*cells}
    assert "images: 3; captions of each: 2; references: 3\n" in captured.out
    assert "note: captions without a word, scored as such: 1\n" in captured.out
    assert captured.out.endswith("note: METEOR is left out: --meteor no\nscores: scores.json\n")


def _rows(printed: str) -> list[tuple[str, str]]:
    lines = [line.partition("│") for line in printed.splitlines()]
    return [(name, row) for name, bar, row in lines if bar]


def test_scores_that_are_no_numbers_are_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "metrics.scorer.score_captions", lambda images, **choices: {"BLEU-1": 0.5, "CIDEr-D": float("nan")}
    )
    (folder / "scores.json").write_text('{"settings": {"of": "an earlier run"}}')
    with pytest.raises(SystemExit, match=r"^error: CIDEr-D: expected a finite score, got nan; no scores are written$"):
        _score()
    assert (folder / "scores.json").read_text() == '{"settings": {"of": "an earlier run"}}'


def test_the_file_is_there_in_full_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError("no space left")

    before = {path.name for path in folder.iterdir()}
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(SystemExit, match=r"^error: no space left$"):
        _score()
    assert {path.name for path in folder.iterdir()} == before


def test_a_single_image_has_no_rare_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"image_id": "cat.jpg", "caption": "The cat is asleep."}]
    (folder / "results.json").write_text(json.dumps(rows))
    written = _score("--subset")
    assert (written["coco/BLEU-4"], written["coco/CIDEr-D"]) == (pytest.approx(1, abs=1e-6), 0)
    assert (
        "CIDEr-D is 0 whatever the captions are, for its document frequencies are those of one image"
        in capsys.readouterr().out
    )
    (folder / "results.json").write_text(json.dumps(2 * rows))
    several = _score("--subset")
    assert "B/Self-CIDEr" not in several
    assert any("B/Self-CIDEr is left out" in note for note in several["settings"]["notes"])
    assert _score("--subset", "--protocol", "a")["A/distinct"] == 0.5
    assert _score("--subset", "--document-frequencies", "training")["B/Self-CIDEr"] == pytest.approx(0, abs=1e-6)


def test_meteor_is_computed_where_it_can_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACET_METEOR_JAR", str(folder / "gone.jar"))
    score.main(["results.json", "references"])
    assert "coco/METEOR" not in json.loads((folder / "scores.json").read_text())
    assert "note: METEOR is left out: " in (printed := capsys.readouterr().out)
    assert "gone.jar is not a file" in printed
    with pytest.raises(SystemExit, match=r"^error: --meteor yes: .*gone.jar is not a file; set FACET_METEOR_JAR"):
        score.main(["results.json", "references", "--meteor", "yes"])


def test_a_meteor_that_fails_is_left_out_with_a_note_unless_it_is_insisted_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACET_METEOR_JAR", install_meteor(folder / "java", COMMA)["jar"])
    monkeypatch.setenv("PATH", f"{folder / 'java'}{os.pathsep}{os.environ['PATH']}")
    without = _score("--human")
    score.main(["results.json", "references", "--human"])
    assert "note: METEOR is left out: METEOR ended before it had answered: Exception" in capsys.readouterr().out
    written = json.loads((folder / "scores.json").read_text())
    assert (_numbers(written), written["human"]) == (_numbers(without), without["human"])
    assert written["settings"]["meteor"] is None
    assert written["settings"]["notes"][-1].startswith("METEOR is left out: METEOR ended")
    (folder / "scores.json").unlink()
    with pytest.raises(
        SystemExit, match=r"^error: --meteor yes: METEOR ended before it had answered: Exception[^\n]*$"
    ):
        score.main(["results.json", "references", "--meteor", "yes"])


@pytest.mark.slow
@pytest.mark.skipif(meteor_unavailable() is not None, reason=f"METEOR cannot run: {meteor_unavailable()}")
def test_meteor_is_there_for_the_model_and_for_people(folder: Path) -> None:
    score.main(["results.json", "references", "--human", "--meteor", "yes"])
    written = json.loads((folder / "scores.json").read_text())
    assert 0 < written["coco/METEOR"] < 1
    assert 0 < written["human"]["coco/METEOR"] < 1
    assert written["settings"]["meteor"] == "1.5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "references"], "--out references: expected another file than those that are read or written"),
        (["--out", "nowhere/scores.json"], "--out nowhere/scores.json: expected the name of a file in a folder"),
        (["--out", "."], "--out .: expected the name of a file in a folder"),
        (["--save-document-frequencies", "scores.json"], "--save-document-frequencies scores.json: expected another"),
        (["--max-megabytes", "0.0001"], "results.json: expected at most 0.0001 MB, got more"),
        (["--max-megabytes", "nan"], "--max-megabytes nan: expected a number above 0"),
        (["--max-megabytes", "-5"], "--max-megabytes -5.0: expected a number above 0"),
        (["--num", "3"], "--num 3: expected 1 to 2"),
        (["--split", "test"], "--split test: expected a split of references, which has nothing"),
        (
            ["--train-captions", "references"],
            "references: expected training captions of other images .*, got those of 3",
        ),
        (["--train-captions", "gone"], "gone: expected a readable file"),
        (["--document-frequencies", "wrong.json"], "wrong.json: expected document frequencies"),
        (["--document-frequencies", "results.json"], "results.json: expected references, got a list as in results"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "wrong.json").write_text('{"num_images": 2, "counts": 3}')
    with pytest.raises(SystemExit, match=rf"^error: {message}.*$") as exit_of:
        _score(*arguments)
    assert "\n" not in str(exit_of.value)
    assert not (folder / "scores.json").exists()


def test_people_need_a_second_opinion(folder: Path) -> None:
    (folder / "references").write_text(_tokens({**SAID, "cat.jpg": ["A cat."]}))
    with pytest.raises(SystemExit, match=r"--human: expected two references of each image, got one of 1 \(.*'cat.jpg'"):
        _score("--human")


def test_the_version_is_unknown_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert summary.facet_version() == version("facet")

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("utils.version.version", missing)
    assert summary.facet_version() == "unknown"


@pytest.mark.slow
def test_the_command_ends_with_exit_code_1_and_no_traceback(folder: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "score.py"), *arguments, "--meteor", "no"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"})

    good = run("results.json", "references", "--out", "here.json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads((folder / "here.json").read_text())["coco/BLEU-1"] > 0
    (folder / "results.json").write_text('[{"image_id": "dog.jpg", "caption": "a dog"}]')
    bad = run("results.json", "references")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("error: results.json: expected images of references, which calls its first 'boat.jpg'")
    assert bad.stderr.count("\n") == 1


def test_earlier_scores_are_replaced_with_a_word_and_other_files_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _score()
    assert "replaced" not in capsys.readouterr().err
    _score()
    assert "note: scores.json is there: its earlier contents are replaced" in capsys.readouterr().err
    (folder / "notes.json").write_text('{"mine": 1}')
    with pytest.raises(SystemExit, match=r"^error: --out notes.json: a file of this name is there, which score.py has"):
        _score("--out", "notes.json")
    assert (folder / "notes.json").read_text() == '{"mine": 1}'
