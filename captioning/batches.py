"""Images described a batch at a time, with a progress bar; unreadable ones stop it or are skipped."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from captioning.pipeline import Description
from datamodules.image_files.reading import BadImageError, read_image
from utils.progress import progress_bar, tell

MANY = 10  # images that a progress bar is worth showing for

Describe = Callable[[Sequence[Path]], list[Description]]


def describe_batches(
    options: argparse.Namespace, describe: Describe, images: Sequence[Path], done: Collection[str], image_size: int
) -> Iterator[list[Description]]:
    """Yield the descriptions of one batch of images after the other, without those that are done.

    A batch that is done in part is described in full: in another batch, sums might be rounded differently.

    Raises:
        ValueError: An image is unreadable, and such are not to be skipped.
    """
    skipped = 0
    with progress_bar(total=len(images), desc="captions", unit="image", disable=len(images) < MANY) as progress:
        for start in range(0, len(images), options.batch_size):
            batch = images[start : start + options.batch_size]
            constraints = [path for path in batch if str(path) not in done]
            try:
                descriptions = describe(batch) if constraints else []
            except BadImageError as error:
                if options.on_bad_image == "error":
                    raise ValueError(f"{error}, or skip it with --on-bad-image skip") from error
                readable, bad = sort_out(batch, image_size)
                skipped += len(bad)
                tell("\n".join(f"skipped: {problem}" for problem in bad), sys.stderr)
                descriptions = describe(readable) if set(readable) & set(constraints) else []
            yield [description for description in descriptions if description.path in constraints]
            progress.update(len(batch))
    if skipped:
        print(f"{skipped} of {len(images)} images skipped", file=sys.stderr)


def sort_out(paths: Sequence[Path], image_size: int) -> tuple[list[Path], list[BadImageError]]:
    """Return the readable images, and what is wrong with the others."""
    readable, bad = [], []
    for path in paths:
        try:
            read_image(path, image_size)
            readable.append(path)
        except BadImageError as error:
            bad.append(error)
    return readable, bad
