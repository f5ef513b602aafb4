"""SPICE by its authors' Java program, as the COCO caption evaluation runs it; optional.

Anderson et al., "SPICE: Semantic Propositional Image Caption Evaluation" (ECCV 2016).

Shape legend: N candidates.
"""

import json
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metrics.caption_metric import CaptionMetric, ImageCaptions
from metrics.java import JavaError, java_command, java_unavailable, one_line, run_java
from metrics.ngrams import Floats
from metrics.paired_captions import PairedCaptions, first_candidates

JAR_VARIABLE = "FACET_SPICE_JAR"
MODELS = "lib/stanford-corenlp-*-models.jar"  # which the program reads beside its jar
TIMEOUT = 3600.0  # seconds; parsing takes minutes for a few thousand images


def spice_unavailable(jar: str | Path | None = None, java: str = "java") -> str | None:
    """Return why SPICE cannot be computed and what to do; None when it can.

    Args:
        jar: `spice-1.0.jar`; None for the one that the environment variable FACET_SPICE_JAR names.
        java: The Java runtime.
    """
    named = jar or os.environ.get(JAR_VARIABLE)
    if not named:
        return f"no spice-1.0.jar: set {JAR_VARIABLE} to its path"
    path = Path(named).absolute()
    if not path.is_file():
        return f"{path} is not a file; set {JAR_VARIABLE} to the path of spice-1.0.jar"
    if not [*path.parent.glob(MODELS)]:
        return f"no {MODELS} beside {path}; SPICE needs Stanford CoreNLP 3.6.0 and its models there"
    return java_unavailable(java)


def spice(
    pairs: PairedCaptions, *, jar: str | Path | None = None, java: str = "java", timeout: float = TIMEOUT
) -> Floats:
    """Return SPICE of each candidate: [N], 0 to 1; a data set's SPICE is their mean.

    The F-measure of the objects, attributes and relations that a candidate and its references state (section 3.2).

    Args:
        pairs: Candidates and references.
        jar: See `spice_unavailable`.
        java: The Java runtime.
        timeout: Seconds that the program may take.

    Raises:
        ValueError: SPICE cannot be computed here.
        JavaError: The program failed, took too long, or wrote what are not scores of these captions.
    """
    path = _usable_jar(jar, java)
    if not len(pairs.candidates):
        return np.zeros(0)
    with tempfile.TemporaryDirectory() as folder:
        questions, answers = Path(folder) / "captions.json", Path(folder) / "scores.json"
        questions.write_text(json.dumps(_questions(pairs)), "utf-8")
        command = java_command(java, "8G", path, str(questions), "-out", str(answers), "-subset", "-silent")
        run_java("SPICE", command, path.parent, timeout)
        return _read(answers, len(pairs.candidates))


def _usable_jar(jar: str | Path | None, java: str) -> Path:
    reason = spice_unavailable(jar, java)
    if reason:
        raise ValueError(f"SPICE cannot be computed: {reason}")
    return Path(jar or os.environ[JAR_VARIABLE]).absolute()


def _questions(pairs: PairedCaptions) -> list[dict[str, object]]:
    references = [[one_line(caption) for caption in captions] for captions in pairs.references]
    return [
        {"image_id": row, "test": one_line(caption), "refs": references[image]}
        for row, (caption, image) in enumerate(zip(pairs.candidates, pairs.image_of_candidate_N.tolist(), strict=True))
    ]


def _read(answers: Path, num_candidates: int) -> Floats:
    """Return the F-measures by the candidates' numbers, which the program got as ids of images."""
    try:
        rows = json.loads(answers.read_text("utf-8"))
        of_candidate = {int(row["image_id"]): float(row["scores"]["All"]["f"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JavaError(f"SPICE wrote no scores that can be read ({type(error).__name__}: {error})") from None
    wrong = [row for row in range(num_candidates) if not math.isfinite(of_candidate.get(row, math.nan))]
    if wrong:
        raise JavaError(f"SPICE gave no score to {len(wrong)} of {num_candidates} captions, the first is {wrong[0]}")
    return np.array([of_candidate[row] for row in range(num_candidates)])


class Spice(CaptionMetric):
    """SPICE of the images' first candidates, averaged over images.

    Args:
        jar: See `spice_unavailable`.
        java: The Java runtime.

    Raises:
        ValueError: SPICE cannot be computed here.
    """

    higher_is_better = True

    def __init__(self, *, jar: str | Path | None = None, java: str = "java") -> None:
        super().__init__()
        self.jar = _usable_jar(jar, java)
        self.java = java

    def score(self, images: Sequence[ImageCaptions]) -> dict[str, float]:
        """Return SPICE."""
        return {"coco/SPICE": float(spice(first_candidates(images), jar=self.jar, java=self.java).mean())}
