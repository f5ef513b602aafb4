"""METEOR 1.5 by its authors' Java program, as the COCO caption evaluation runs it; optional.

Denkowski and Lavie, "Meteor Universal: Language Specific Translation Evaluation for Any Target Language" (2014).

Shape legend: N candidates.
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from metrics.caption_metric import CaptionMetric, ImageCaptions
from metrics.java import JavaError, LineServer, java_command, java_unavailable, one_line
from metrics.ngrams import Floats, Tokens
from metrics.paired_captions import PairedCaptions, first_candidates
from utils.progress import SHOWN_AFTER, progress_bar

JAR_VARIABLE = "FACET_METEOR_JAR"
PATIENCE = 300.0  # seconds; reading the paraphrases takes about five before the first answer
SEPARATOR = "|||"  # of the program's protocol
Result = TypeVar("Result")


class MeteorScores(NamedTuple):
    """METEOR of each candidate and of all together, each 0 to 1.

    Attributes:
        segment_N: Of each candidate, against the reference that gives it most.
        corpus: From the statistics of all candidates together, as papers report it; not the mean of `segment_N`.
    """

    segment_N: Floats
    corpus: float


def meteor_unavailable(jar: str | Path | None = None, java: str = "java") -> str | None:
    """Return why METEOR cannot be computed and what to do; None when it can.

    Args:
        jar: `meteor-1.5.jar`; None for the one that the environment variable FACET_METEOR_JAR names, else the one of
            an installed pycocoevalcap.
        java: The Java runtime.
    """
    found = find_jar(jar)
    if found is None:
        return f"no meteor-1.5.jar: set {JAR_VARIABLE} to its path, or install pycocoevalcap, which brings one"
    if not found.is_file():
        return f"{found} is not a file; set {JAR_VARIABLE} to the path of meteor-1.5.jar"
    return java_unavailable(java)


def why_no_meteor(choice: str, *, option: str) -> str | None:
    """Return why METEOR is left out, None where it is not.

    Args:
        choice: `yes`, `no`, or `auto` for where it can be computed.
        option: What users write before their choice: `meteor=` or `--meteor `.

    Raises:
        ValueError: It is asked for but cannot be computed, or the choice is another one.
    """
    if choice not in ("auto", "yes", "no"):
        raise ValueError(f"meteor must be auto, yes or no, got {choice}")
    if choice == "no":
        return f"{option}no"
    reason = meteor_unavailable()
    if choice == "yes" and reason is not None:
        raise ValueError(f"{option}yes: {reason}")
    return reason


def with_meteor_if_possible(
    compute: Callable[[bool], Result], no_meteor: str | None, *, choice: str, option: str
) -> tuple[Result, str | None]:
    """Compute scores, without METEOR where its program fails and METEOR is not insisted on.

    Args:
        compute: Returns the scores; is told whether METEOR is to be among them.
        no_meteor: Why it is not to be; None where it is, as `why_no_meteor` has it.
        choice: As for `why_no_meteor`.
        option: As for `why_no_meteor`.

    Returns:
        The scores, and why METEOR is not among them; None where it is.

    Raises:
        ValueError: METEOR was asked for with `yes`, and its program failed.
    """
    if no_meteor is not None:
        return compute(False), no_meteor
    try:
        return compute(True), None
    except JavaError as error:
        if choice == "yes":
            raise ValueError(f"{option}yes: {error}") from error
        return compute(False), str(error)


def find_jar(jar: str | Path | None = None) -> Path | None:
    """Return where the program should be (see `meteor_unavailable`), None when nothing says so."""
    named = jar or os.environ.get(JAR_VARIABLE)
    if named:
        return Path(named).absolute()
    package = importlib.util.find_spec("pycocoevalcap")  # looks for it without running any of it
    folders = [] if package is None else package.submodule_search_locations or []
    return next((jar for folder in folders if (jar := Path(folder) / "meteor" / "meteor-1.5.jar").is_file()), None)


def meteor(pairs: PairedCaptions) -> Floats:
    """Return METEOR of each candidate: [N]; see `meteor_scores`."""
    return meteor_scores(pairs).segment_N


def meteor_scores(
    pairs: PairedCaptions, *, jar: str | Path | None = None, java: str = "java", patience: float = PATIENCE
) -> MeteorScores:
    """Compute METEOR 1.5 with the weights for English, one process for all candidates.

    Args:
        pairs: Candidates and references.
        jar: See `meteor_unavailable`.
        java: The Java runtime.
        patience: Seconds to wait for the program's next answer.

    Raises:
        ValueError: METEOR cannot be computed here.
        JavaError: The program ended early, went silent, or answered what is no score.
    """
    path = _usable_jar(jar, java)
    if not len(pairs.candidates):
        return MeteorScores(np.zeros(0), 0.0)
    command = java_command(java, "2G", path, "-", "-", "-stdio", "-l", "en", "-norm")
    with LineServer("METEOR", command, path.parent, patience) as server:
        answers_N, num = server.ask(_questions(pairs), len(pairs.candidates)), len(pairs.candidates)
        bar = progress_bar(answers_N, total=num, desc="METEOR", unit="caption", delay=SHOWN_AFTER, leave=False)
        statistics = [*bar]
        answers = [*server.ask([f" {SEPARATOR} ".join(["EVAL", *statistics])], len(statistics) + 1)]
    try:
        *segments, corpus = map(float, answers)
    except ValueError as error:
        raise JavaError(f"METEOR answered what is no score ({error}); is {path} meteor-1.5.jar?") from None
    return MeteorScores(np.array(segments), corpus)


def _usable_jar(jar: str | Path | None, java: str) -> Path:
    reason = meteor_unavailable(jar, java)
    if reason:
        raise ValueError(f"METEOR cannot be computed: {reason}")
    path = find_jar(jar)
    assert path is not None
    return path


def _questions(pairs: PairedCaptions) -> list[str]:
    references = [f" {SEPARATOR} ".join(map(_field, captions)) for captions in pairs.references]
    return [
        f"SCORE {SEPARATOR} {references[image]} {SEPARATOR} {_field(caption)}"
        for caption, image in zip(pairs.candidates, pairs.image_of_candidate_N.tolist(), strict=True)
    ]


def _field(caption: Tokens) -> str:
    """Return a caption that cannot be taken for several."""
    return one_line(one_line(caption).replace(SEPARATOR, "").split())


class Meteor(CaptionMetric):
    """METEOR of the images' first candidates, all together (`MeteorScores.corpus`).

    Args:
        jar: See `meteor_unavailable`.
        java: The Java runtime.

    Raises:
        ValueError: METEOR cannot be computed here.
    """

    higher_is_better = True

    def __init__(self, *, jar: str | Path | None = None, java: str = "java") -> None:
        super().__init__()
        self.jar = _usable_jar(jar, java)
        self.java = java

    def score(self, images: Sequence[ImageCaptions]) -> dict[str, float]:
        """Return METEOR."""
        return {"coco/METEOR": meteor_scores(first_candidates(images), jar=self.jar, java=self.java).corpus}
