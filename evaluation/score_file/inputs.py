"""What score.py scores: the files that its command line names, read, checked and matched."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.annotations import References, parse_references, read_references
from evaluation.score_file import Match, Results, match, read_results, training_captions, training_images
from metrics.document_frequencies import DocumentFrequencies
from metrics.meteor import why_no_meteor
from metrics.ptb_tokenizer import ptb_tokenize
from utils.text_files import SourceFile, read_text


@dataclass(frozen=True)
class Inputs:
    """What is scored, and against what.

    Attributes:
        results: The captions.
        references: The human captions.
        matched: Both together, image by image.
        training: The file of training captions; None if it was not given.
        training_captions: The captions of the images that a model may learn from.
        frequencies_file: Where document frequencies come from; None for the references.
        frequencies: Those of the file.
        no_meteor: Why METEOR is not computed; None if it is.
    """

    results: Results
    references: References
    matched: Match
    training: References | None
    training_captions: list[str] | None
    frequencies_file: SourceFile | None
    frequencies: DocumentFrequencies | None
    no_meteor: str | None


def read_inputs(options: argparse.Namespace) -> Inputs:
    """Read and match what the command line names.

    Raises:
        ValueError: A file is not as its format wants it, or the files do not fit each other or the options.
    """
    if not 0 < options.max_megabytes < math.inf:
        raise ValueError(f"--max-megabytes {options.max_megabytes}: expected a number above 0, such as 500; change it")
    max_bytes = int(options.max_megabytes * 1e6)
    keep = options.keep_rejected
    results, references = read_both(options.results, options.references, max_bytes, keep_rejected=keep)
    matched = match(results, references, split=options.split, subset=options.subset, num=options.num)
    training = options.train_captions and read_references(options.train_captions, max_bytes, keep_rejected=keep)
    captions = training and training_captions(training, references, matched)
    file, frequencies = read_frequencies(options.document_frequencies, max_bytes, keep_rejected=keep)
    no_meteor = why_no_meteor(options.meteor, option="--meteor ")
    inputs = Inputs(results, references, matched, training, captions, file, frequencies, no_meteor)
    if options.human:
        check_human(inputs)
    return inputs


def read_both(results: Path, references: Path, max_bytes: int, *, keep_rejected: bool) -> tuple[Results, References]:
    """Read the captions to score, and their references.

    Raises:
        ValueError: A file is not as its format wants it; or each is what the other should be.
    """
    try:
        return read_results(results, max_bytes), read_references(references, max_bytes, keep_rejected=keep_rejected)
    except ValueError:
        swapped = reads(read_references, results, max_bytes) and reads(read_results, references, max_bytes)
        if swapped and not reads(read_results, results, max_bytes):
            raise ValueError(
                f"{results}: expected results, got references, and results in {references}; give the results first"
            ) from None
        raise


def reads(reader: Callable[[Path, int], Any], path: Path, max_bytes: int) -> bool:
    """Return whether a file is as a reader wants it."""
    try:
        reader(path, max_bytes)
    except ValueError:
        return False
    return True


def read_frequencies(
    path: Path | None, max_bytes: int, *, keep_rejected: bool
) -> tuple[SourceFile | None, DocumentFrequencies | None]:
    """Read saved document frequencies, or count them in the captions of images that a model may learn from."""
    if path is None:
        return None, None
    file, text = read_text(path, max_bytes)
    if text.lstrip().startswith('{"num_images"'):
        return file, DocumentFrequencies.load(path, max_bytes)
    references = parse_references(file, text, keep_rejected=keep_rejected)
    return file, count_frequencies([image.captions for image in training_images(references)])


def count_frequencies(captions: Sequence[Sequence[str]]) -> DocumentFrequencies:
    """Count the document frequencies in the captions of each image."""
    return DocumentFrequencies.of([[ptb_tokenize(caption) for caption in of_image] for of_image in captions])


def check_human(inputs: Inputs) -> None:
    """Raise a `ValueError` unless every scored image has two references, to score one by the other."""
    images = [image.image_id for image in inputs.matched.images if len(image.references) < 2]
    if images:
        names = inputs.references.images[images[0]].names
        raise ValueError(
            f"--human: expected two references of each image, got one of {len(images)} (the first is {names[-1]!r}) "
            f"in {inputs.references.file.path}; leave --human out"
        )
