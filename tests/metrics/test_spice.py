"""SPICE by a stand-in for Java: what the program is asked, how its answers are read, and how failures are told."""

import json
import os
from pathlib import Path

import pytest
import torch

from metrics import JavaError, PairedCaptions, Spice, spice, spice_unavailable
from tests.metrics.fake_java import install_java
from utils import progress

PAIRS = PairedCaptions([("a", "dog"), ("un\ncafé",), ("cat",)], [[("the", "dog"), ()], [("a", "cat")]], [0, 1, 1])

ANSWER = """
rows = json.load(open(sys.argv[sys.argv.index("-jar") + 2], encoding="utf-8"))
scores = [{"image_id": row["image_id"], "scores": {"All": {"f": len(row["test"]) / 10}}} for row in reversed(rows)]
json.dump(scores, open(sys.argv[sys.argv.index("-out") + 1], "w"))
"""


def _install(folder: Path, behaviour: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `java` first on PATH, name a jar in the environment, and put what should be its models beside it."""
    jar = folder / "spice" / "spice-1.0.jar"
    (jar.parent / "lib").mkdir(parents=True)
    jar.touch()
    (jar.parent / "lib" / "stanford-corenlp-3.6.0-models.jar").touch()
    install_java(folder / "bin", behaviour)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FACET_SPICE_JAR", str(jar))
    return jar


def test_scores_are_read_by_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, ANSWER, monkeypatch)
    assert spice(PAIRS).tolist() == pytest.approx([0.5, 0.7, 0.3])


def test_its_time_is_shown_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _install(tmp_path, f"time.sleep(0.5)\n{ANSWER}", monkeypatch)
    monkeypatch.setattr(progress, "TICK", 0.01)
    monkeypatch.setattr(progress, "EVERY", 0.1)
    spice(PAIRS)
    lines = capsys.readouterr().err.splitlines()
    assert {*lines} == {"SPICE: 00:00"}


def test_what_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked.json"
    keep = f"json.dump([os.getcwd(), sys.argv[1:], rows], open({str(asked)!r}, 'w'))"
    jar = _install(tmp_path, f"{ANSWER}\n{keep}", monkeypatch)
    spice(PAIRS)
    folder, arguments, rows = json.loads(asked.read_text())
    assert Path(folder) == jar.parent
    at = arguments.index("-jar")
    assert arguments[at + 1] == str(jar)
    assert {"-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8"} <= {*arguments[:at]}
    assert rows == [
        {"image_id": 0, "test": "a dog", "refs": ["the dog", ""]},
        {"image_id": 1, "test": "un café", "refs": ["a cat"]},
        {"image_id": 2, "test": "cat", "refs": ["a cat"]},
    ]
    assert not Path(arguments[at + 2]).parent.exists()  # nothing is left behind


def test_the_metric_is_the_mean_of_the_first_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, ANSWER, monkeypatch)
    metric = Spice()
    metric.update([["a dog", "two dogs"], ["cat"]], [["the dog"], ["a cat"]], torch.tensor([2, 1]))
    assert metric.compute() == {"coco/SPICE": pytest.approx((0.5 + 0.3) / 2)}


def test_nothing_to_score_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "sys.exit('started')", monkeypatch)
    assert spice(PairedCaptions([], [[("a",)]], [])).shape == (0,)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("sys.exit('Exception: no wordnet')", "SPICE failed with exit code 1: Exception: no wordnet"),
        ("pass", r"SPICE wrote no scores that can be read \(FileNotFoundError"),
        (ANSWER.replace('"All"', '"Object"'), r"SPICE wrote no scores that can be read \(KeyError"),
        (ANSWER.replace("len(row", "None and len(row"), r"SPICE wrote no scores that can be read \(TypeError"),
        (ANSWER.replace("reversed(rows)", "rows[:1]"), "SPICE gave no score to 2 of 3 captions, the first is 1"),
        (ANSWER.replace("len(row", "float('nan') * len(row"), "SPICE gave no score to 3 of 3 captions"),
    ],
)
def test_a_program_that_fails_is_an_error_that_says_how(
    behaviour: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, behaviour, monkeypatch)
    with pytest.raises(JavaError, match=message):
        spice(PAIRS)


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "time.sleep(600)", monkeypatch)
    with pytest.raises(JavaError, match=r"SPICE took longer than 0\.5 seconds"):
        spice(PAIRS, timeout=0.5)


def test_why_it_is_not_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = _install(tmp_path, ANSWER, monkeypatch)
    assert spice_unavailable() is None
    assert "no Java runtime, nowhere is not on PATH" in str(spice_unavailable(java="nowhere"))
    [models] = jar.parent.glob("lib/*")
    models.unlink()
    assert "SPICE needs Stanford CoreNLP 3.6.0 and its models there" in str(spice_unavailable())
    jar.unlink()
    assert f"{jar} is not a file; set FACET_SPICE_JAR" in str(spice_unavailable())
    monkeypatch.delenv("FACET_SPICE_JAR")
    assert spice_unavailable() == "no spice-1.0.jar: set FACET_SPICE_JAR to its path"
    for refused in (Spice, lambda: spice(PAIRS)):
        with pytest.raises(ValueError, match=r"SPICE cannot be computed: no spice-1\.0\.jar"):
            refused()
