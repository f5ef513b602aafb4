"""What score.py scores: the files that its command line names, read, checked and matched."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.annotations import References, read_references
from datamodules.annotations.columns import Columns
from datamodules.image_files.image_folder import ImageFolder
from datamodules.images.annotated_images import captions_beside
from evaluation.score_file import Match, Results, match, read_results, training_captions, training_images
from metrics.document_frequencies import DocumentFrequencies
from metrics.meteor import why_no_meteor
from metrics.ptb_tokenizer import ptb_tokenize
from utils.cache_key import cache_key
from utils.files import file_checksum
from utils.text_files import SourceFile

SAVED_FREQUENCIES = b'{"num_images"'  # how they begin
ReadReferences = Callable[[Path], References]


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
    columns = Columns(options.image_column, tuple(options.caption_column), options.split_column)
    read = partial(references_at, max_bytes=max_bytes, keep_rejected=options.keep_rejected, columns=columns)
    results, references = read_both(options.results, options.references, read, max_bytes)
    matched = match(results, references, split=options.split, subset=options.subset, num=options.num)
    training = options.train_captions and read(options.train_captions)
    captions = training and training_captions(training, references, matched)
    file, frequencies = read_frequencies(options.document_frequencies, read, max_bytes)
    no_meteor = why_no_meteor(options.meteor, option="--meteor ")
    inputs = Inputs(results, references, matched, training, captions, file, frequencies, no_meteor)
    if options.human:
        check_human(inputs)
    return inputs


def references_at(path: Path, max_bytes: int, *, keep_rejected: bool, columns: Columns) -> References:
    """Read a file of references, or a folder with a text file of captions beside each image.

    Raises:
        ValueError: A file is not as its format wants it, or no image of the folder has captions.
    """
    if not path.is_dir():
        return read_references(path, max_bytes, keep_rejected=keep_rejected, columns=columns)
    images = captions_beside(ImageFolder(path))
    if not any(image.captions for image in images):
        raise ValueError(f"{path}: expected a file of references, or a folder with name.txt beside name.jpg, got none")
    captions = {image.names[0]: image.captions for image in images}
    return References(SourceFile(path, cache_key(captions=captions)), "captions beside each image", images)


def read_both(results: Path, references: Path, read: ReadReferences, max_bytes: int) -> tuple[Results, References]:
    """Read the captions to score, and their references.

    Raises:
        ValueError: A file is not as its format wants it; or each is what the other should be.
    """
    try:
        return read_results(results, max_bytes), read(references)
    except ValueError:
        are_results = partial(reads, partial(read_results, max_bytes=max_bytes))
        if reads(read, results) and are_results(references) and not are_results(results):
            raise ValueError(
                f"{results}: expected results, got references, and results in {references}; give the results first"
            ) from None
        raise


def reads(reader: Callable[[Path], Any], path: Path) -> bool:
    """Return whether a file is as a reader wants it."""
    try:
        reader(path)
    except ValueError:
        return False
    return True


def read_frequencies(
    path: Path | None, read: ReadReferences, max_bytes: int
) -> tuple[SourceFile | None, DocumentFrequencies | None]:
    """Read saved document frequencies, or count them in the captions of images that a model may learn from."""
    if path is None:
        return None, None
    if are_saved(path):
        return SourceFile(path, file_checksum(path)), DocumentFrequencies.load(path, max_bytes)
    references = read(path)
    return references.file, count_frequencies([image.captions for image in training_images(references)])


def are_saved(path: Path) -> bool:
    """Return whether a file begins as document frequencies do; a pipe, which can be read once, holds captions."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(100).lstrip().startswith(SAVED_FREQUENCIES)


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
