"""METEOR: the numbers where Java and the jar are there, and how a program that fails is dealt with, by a stand-in."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics import JavaError, Meteor, PairedCaptions, meteor, meteor_scores, meteor_unavailable
from tests.metrics.coco import paired, paired_slot, stored_scores
from tests.metrics.fake_java import METEOR, install_meteor

PAIRS = PairedCaptions([("a", "b", "c"), ("x",), ()], [[("a", "c"), ("b",)], [("y",), ("x", "z")], [("w",)]])

needs_meteor = pytest.mark.skipif(meteor_unavailable() is not None, reason=str(meteor_unavailable()))


@pytest.mark.slow
@needs_meteor
def test_stored_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")  # where Java 17 and older would read ASCII
    scores, stored = meteor_scores(paired_slot(0)), stored_scores()[0]["METEOR"]
    np.testing.assert_allclose(scores.segment_N, stored["each"], rtol=1e-9)
    assert scores.corpus == pytest.approx(stored["corpus"], rel=1e-9)
    assert abs(scores.corpus - scores.segment_N.mean()) > 0.01  # they are two things


@pytest.mark.slow
@needs_meteor
def test_several_candidates_of_an_image_and_text_outside_the_protocol() -> None:
    pairs = paired()
    odd, plain = [("a", "|||", "cat\nsleeps"), ("a", "cat", "sleeps")], [("a", "cat", "sleeps"), ("a", "dog")]
    references = [*pairs.references, [("a", "cat", "sleeps"), ("a\r", "||| dog")], plain]
    images = [*pairs.image_of_candidate_N, len(references) - 2, len(references) - 1]
    *scores, of_odd, of_plain = meteor(PairedCaptions([*pairs.candidates, *odd], references, images)).tolist()
    each = [stored["METEOR"]["each"] for stored in stored_scores()]
    assert scores == pytest.approx([score for both in zip(*each, strict=True) for score in both], rel=1e-9)
    assert of_odd == of_plain > 0.5


def test_the_protocol(tmp_path: Path) -> None:
    scores = meteor_scores(PAIRS, **install_meteor(tmp_path))
    assert scores.segment_N.tolist() == [2 / 3, 1, 0]
    assert scores.corpus == 3 / 4


def test_the_locale_is_english_whatever_the_machine_has(tmp_path: Path) -> None:
    arguments = tmp_path / "arguments"
    keep = f"open({str(arguments)!r}, 'w').write(' '.join(sys.argv[1:]))\n"
    meteor_scores(PAIRS, **install_meteor(tmp_path, keep + METEOR))
    of_java = arguments.read_text().split(" -jar ")[0].split()
    assert {"-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8"} <= {*of_java}


def test_text_outside_the_protocol_by_the_stand_in(tmp_path: Path) -> None:
    pairs = PairedCaptions([("a", "|||", "b\nc")], [[("a", "||| x"), ("b\r", "c")]])
    assert meteor_scores(pairs, **install_meteor(tmp_path)).segment_N.tolist() == [2 / 3]


def test_the_metric_by_the_stand_in(tmp_path: Path) -> None:
    metric = Meteor(**install_meteor(tmp_path))
    metric.update([["a b c", "z"], ["x"]], [["a c", "b"], ["y"]], torch.tensor([2, 1]))
    assert metric.compute() == {"coco/METEOR": 2 / 4}


def test_more_than_a_pipe_holds_does_not_block(tmp_path: Path) -> None:
    many = 3000
    captions = [tuple(f"word{(row * 7 + i) % 50}" for i in range(20)) for row in range(many)]
    pairs = PairedCaptions(captions, [[caption[::2], caption[1::2]] for caption in captions])
    assert (meteor_scores(pairs, **install_meteor(tmp_path)).segment_N == 0.5).all()


def test_it_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("utils.progress.EVERY", 1e-9)
    meteor_scores(PAIRS, **install_meteor(tmp_path))
    assert "METEOR:  33% 1/3" in capsys.readouterr().err


def test_nothing_to_score_starts_nothing(tmp_path: Path) -> None:
    program = install_meteor(tmp_path, "sys.exit('started')")
    scores = meteor_scores(PairedCaptions([], [[("a",)]], []), **program)
    assert scores.segment_N.shape == (0,)


ENDED = (
    "print('warming up', file=sys.stderr); print('OutOfMemoryError: heap', file=sys.stderr); "
    "[print('\\tat java.base/Scanner', file=sys.stderr) for _ in range(9)]; sys.exit(1)"
)
ENDED_LATER = "print(sys.stdin.readline() and '1 1', flush=True); sys.exit(0)"
NO_SCORES = "[print('usage: java', flush=True) for line in sys.stdin for _ in range(4)]"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (ENDED, "METEOR ended before it had answered: warming up / OutOfMemoryError: heap"),
        (ENDED_LATER, "METEOR ended before it had answered: it printed no error"),
        (NO_SCORES, "METEOR answered what is no score .*is .*meteor-1.5.jar"),
    ],
)
def test_a_program_that_fails_is_an_error_that_says_how(behaviour: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(JavaError, match=message):
        meteor_scores(PAIRS, **install_meteor(tmp_path, behaviour))


def test_a_program_that_cannot_be_started_is_an_error_that_says_so(tmp_path: Path) -> None:
    program = install_meteor(tmp_path)
    Path(program["java"]).write_text("no program")
    with pytest.raises(JavaError, match=r"METEOR could not be started .*Exec format error"):
        meteor_scores(PAIRS, **program)


@pytest.mark.parametrize("reads", [True, False])
def test_a_program_that_hangs_is_ended_with_all_that_it_started(reads: bool, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    reading = "[line for line in iter(sys.stdin.readline, '')]" if reads else "pass"
    behaviour = f"child = os.fork(); open({str(ids)!r}, 'a').write(f'{{os.getpid()}} '); {reading}; time.sleep(600)"
    pairs = PairedCaptions([("word",) * 2000] * 100, [[("word",) * 2000]] * 100)
    started = time.monotonic()
    with pytest.raises(JavaError, match=r"METEOR gave no answer for 1\.5 seconds"):
        meteor_scores(pairs, **install_meteor(tmp_path, behaviour), patience=1.5)
    assert time.monotonic() - started < 60
    processes = [int(text) for text in ids.read_text().split()]
    assert len(processes) == 2
    assert not any(map(_runs, processes))


def _runs(process: int) -> bool:
    """Say whether a process is still there; a child of an ended one may take a moment to be cleared away."""
    for _ in range(50):
        try:
            os.kill(process, signal.SIG_DFL)
        except ProcessLookupError:
            return False
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False
        time.sleep(0.1)
    return True


def test_why_it_is_not_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = install_meteor(tmp_path)
    assert meteor_unavailable(**program) is None
    missing = tmp_path / "missing.jar"
    assert f"{missing} is not a file; set FACET_METEOR_JAR" in str(meteor_unavailable(missing, program["java"]))
    assert "no Java runtime, nowhere is not on PATH" in str(meteor_unavailable(program["jar"], "nowhere"))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pycocoevalcap", raising=False)
    monkeypatch.delenv("FACET_METEOR_JAR", raising=False)
    assert "no meteor-1.5.jar: set FACET_METEOR_JAR" in str(meteor_unavailable(java=program["java"]))
    with pytest.raises(ValueError, match=r"METEOR cannot be computed: no meteor-1\.5\.jar"):
        Meteor(java=program["java"])
    with pytest.raises(ValueError, match=r"METEOR cannot be computed: no meteor-1\.5\.jar"):
        meteor(PAIRS)


def test_the_jar_of_the_variable_or_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_variable = install_meteor(tmp_path / "variable")
    package = tmp_path / "site" / "pycocoevalcap"
    of_package = install_meteor(package / "meteor")
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.delenv("FACET_METEOR_JAR", raising=False)
    monkeypatch.delitem(sys.modules, "pycocoevalcap", raising=False)
    assert str(Meteor(java=of_package["java"]).jar) == of_package["jar"]
    monkeypatch.setenv("FACET_METEOR_JAR", of_variable["jar"])
    assert str(Meteor(java=of_package["java"]).jar) == of_variable["jar"]
