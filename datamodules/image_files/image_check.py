"""Decodes every image once, so that a bad one is found before training and not in its tenth hour."""

import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from datamodules.image_files.keys import file_keys
from datamodules.image_files.reading import BadImageError
from utils.cache_key import cache_key, reader_version, sources_of
from utils.files import atomic_write_text

log = logging.getLogger(__name__)


class ImageCheck(NamedTuple):
    """What was found, by file name.

    Attributes:
        unreadable: What is wrong with each image that cannot be used.
        keys: What each of the others is known by (see `image_files.keys.file_keys`).
    """

    unreadable: dict[str, str]
    keys: dict[str, tuple[int, int]]


def check_images(paths: Sequence[Path], *, cache_dir: Path) -> ImageCheck:
    """Decode images, or look up the outcome where all have the sizes and times of an earlier check.

    Args:
        paths: The image files, all of which exist.
        cache_dir: Outcomes are kept here.
    """
    cache = cache_dir / f"checked-{_key(paths)}.json"
    known = _load(cache)
    if known is not None:
        return known
    found = _decode_all(paths)
    atomic_write_text(cache, json.dumps(found._asdict(), indent=2))
    return found


def _decode_all(paths: Sequence[Path]) -> ImageCheck:
    start = time.perf_counter()
    # Threads, not processes: PIL lets go of the interpreter while it decodes, and threads start at once.
    with ThreadPoolExecutor() as pool:
        outcomes = list(
            tqdm(pool.map(_look, paths), total=len(paths), desc="checking images", unit="images", disable=None)
        )
    of_name = [(path.name, outcome) for path, outcome in zip(paths, outcomes, strict=True)]
    unreadable = {name: outcome for name, outcome in of_name if isinstance(outcome, str)}
    keys = {name: outcome for name, outcome in of_name if not isinstance(outcome, str)}
    seconds = time.perf_counter() - start
    log.info(
        "checked %d images in %.1f s (%.0f a second): %d cannot be read",
        len(paths), seconds, len(paths) / seconds, len(unreadable),
    )  # fmt: skip
    return ImageCheck(unreadable, keys)


def _look(path: Path) -> str | tuple[int, int]:
    """Return what an image is known by, or what is wrong with it."""
    try:
        return file_keys(path)
    except BadImageError as error:
        return str(error.__cause__)  # the bare reason: who reports it has the name and the remedy


def _key(paths: Sequence[Path]) -> str:
    states = {path.name: path.stat() for path in paths}
    # who changes a file may set its other times, but not that of the change itself
    times = {name: (state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states.items()}
    return cache_key(files=times, reader=reader_version(), keys=sources_of("datamodules.image_files.keys"))


def _load(cache: Path) -> ImageCheck | None:
    if not cache.exists():
        return None
    try:
        saved = json.loads(cache.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        log.warning("checking the images again: %s is damaged (%s)", cache, error)
        return None
    if _is_outcome(saved):
        return ImageCheck(saved["unreadable"], {name: (keys[0], keys[1]) for name, keys in saved["keys"].items()})
    log.warning("checking the images again: %s is damaged (not what was found, by name)", cache)
    return None


def _is_outcome(saved: Any) -> bool:
    if not isinstance(saved, dict) or saved.keys() != {"unreadable", "keys"}:
        return False
    unreadable, keys = saved["unreadable"], saved["keys"]
    if not isinstance(unreadable, dict) or not isinstance(keys, dict):
        return False
    whole = all(isinstance(of, list) and [*map(type, of)] == [int, int] for of in keys.values())
    return whole and all(isinstance(problem, str) for problem in unreadable.values())
