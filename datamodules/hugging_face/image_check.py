"""Decodes every image of a data set once, so that a bad one is found before training; outcomes are kept.

Shape legend: R rows.
"""

import json
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.hugging_face.row_images import RowImages, same_content
from datamodules.image_files.file_states import state_of
from datamodules.image_files.image_check import decode_all
from utils.cache_key import cache_key, reader_version, sources_of
from utils.files import atomic_open

log = logging.getLogger(__name__)

AT_ONCE = 256  # images that are in memory, encoded


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
    rows = ((same_content(image), (row, image)) for row, image in enumerate(images))
    outcomes = decode_all(rows, lambda row: images.keys(*row), num=len(images), unit="row", at_once=AT_ONCE)
    keys_R2 = np.array([(0, 0) if isinstance(found, str) else found for found in outcomes], np.int64)
    problems = {row: found for row, found in enumerate(outcomes) if isinstance(found, str)}
    return RowCheck(keys_R2.reshape(-1, 2), problems)


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
