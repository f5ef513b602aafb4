"""Decodes every image of a data set once, so that a bad one is found before training; outcomes are kept.

Shape legend: R rows.
"""

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.hugging_face.row_images import RowImage, RowImages, same_content
from datamodules.image_files.image_check import state_of
from datamodules.image_files.reading import BadImageError
from utils.cache_key import cache_key, reader_version, sources_of
from utils.files import atomic_open
from utils.progress import progress_bar

log = logging.getLogger(__name__)

AT_ONCE = 256  # images that are in memory, encoded
Outcome = tuple[int, int] | str


class RowCheck(NamedTuple):
    """What was found in each row.

    Attributes:
        keys_R2: What the images are known by (see `image_files.keys.file_keys`); zeros where one cannot be decoded.
        problems: What is wrong with the image of a row, by its number.
    """

    keys_R2: NDArray[np.int64]
    problems: dict[int, str]


def check_rows(images: RowImages, *, cache_dir: Path) -> RowCheck:
    """Decode the images of a split, or look up the outcome where nothing has changed since an earlier check.

    Rows with the same bytes or path are decoded once.
    """
    cache = cache_dir / f"rows-{_key(images)}.npz"
    known = _load(cache, len(images))
    if known is not None:
        return known
    found = _decode_all(images)
    problems = json.dumps(list(found.problems.items())).encode()
    with atomic_open(cache, "wb") as file:
        np.savez(file, keys=found.keys_R2, problems=np.frombuffer(problems, dtype=np.uint8))
    return found


def _decode_all(images: RowImages) -> RowCheck:
    start = time.perf_counter()
    known: dict[int | str | None, Outcome] = {}
    keys_R2, problems = np.zeros((len(images), 2), dtype=np.int64), {}

    # Threads, not processes: PIL lets go of the interpreter while it decodes, and threads start at once.
    with (
        ThreadPoolExecutor() as pool,
        progress_bar(total=len(images), desc="checking images", unit="row") as progress,
    ):
        for rows in _in_parts(enumerate(images)):
            contents = [same_content(image) for _, image in rows]
            new = {content: row for content, row in zip(contents, rows, strict=True) if content not in known}
            known |= zip(new, pool.map(partial(_look, images), *zip(*new.values(), strict=True)), strict=True)
            for (row, _), content in zip(rows, contents, strict=True):
                outcome = known[content]
                if isinstance(outcome, str):
                    problems[row] = outcome
                else:
                    keys_R2[row] = outcome
            progress.update(len(rows))
    log.info(
        "checked %d different images in %d rows of %s in %.1f s: those of %d rows cannot be read",
        len(known), len(images), images.split, time.perf_counter() - start, len(problems),
    )  # fmt: skip
    return RowCheck(keys_R2, problems)


def _in_parts(rows: Iterator[tuple[int, RowImage]]) -> Iterator[list[tuple[int, RowImage]]]:
    while part := list(islice(rows, AT_ONCE)):
        yield part


def _look(images: RowImages, row: int, image: RowImage) -> Outcome:
    try:
        return images.keys(row, image)
    except BadImageError as error:
        return str(error.__cause__ or error)  # the bare reason: who reports it has the row and the remedy


def _key(images: RowImages) -> str:
    files = [Path(file["filename"]) for file in images.dataset.cache_files]
    states = [(str(path), *_state(path)) for path in [*files, *images.files()]]
    return cache_key(
        files=states,
        rows=len(images),
        column=images.column,
        reader=reader_version(),
        keys=sources_of("datamodules.image_files.keys"),
    )


def _state(path: Path) -> tuple[int, ...]:
    try:
        return state_of(path)
    except OSError:
        return ()


def _load(cache: Path, num_rows: int) -> RowCheck | None:
    if not cache.exists():
        return None
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            keys_R2 = saved["keys"]
            problems = {int(row): str(problem) for row, problem in json.loads(saved["problems"].tobytes())}
    except Exception as error:  # a damaged archive fails in many ways
        log.warning("checking the images again: %s is damaged (%s)", cache, error)
        return None
    if keys_R2.shape != (num_rows, 2) or keys_R2.dtype != np.int64:
        log.warning("checking the images again: %s is damaged (not the keys of %d rows)", cache, num_rows)
        return None
    return RowCheck(keys_R2, problems)
