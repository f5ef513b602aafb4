"""Decodes every image once, so that a bad one is found before training and not in its tenth hour."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from datamodules.atomic_write import atomic_write_text
from datamodules.images import BadImageError, load_rgb

log = logging.getLogger(__name__)

CHECK_VERSION = 3  # to be raised when load_rgb comes to accept or refuse other files


def find_unreadable(paths: Sequence[Path], *, cache_dir: Path) -> dict[str, str]:
    """Decode images, or look up the outcome where all have the sizes and times of an earlier check.

    Args:
        paths: The image files, all of which exist.
        cache_dir: Outcomes are kept here.

    Returns:
        What is wrong with each image that cannot be used, by file name.
    """
    cache = cache_dir / f"checked-{_key(paths)}.json"
    known = _load(cache)
    if known is not None:
        return known
    unreadable = _decode_all(paths)
    atomic_write_text(cache, json.dumps(unreadable, indent=2))
    return unreadable


def _decode_all(paths: Sequence[Path]) -> dict[str, str]:
    start = time.perf_counter()
    # Threads, not processes: PIL lets go of the interpreter while it decodes, and threads start at once.
    with ThreadPoolExecutor() as pool:
        problems = list(
            tqdm(pool.map(_problem, paths), total=len(paths), desc="checking images", unit="images", disable=None)
        )
    unreadable = {path.name: problem for path, problem in zip(paths, problems, strict=True) if problem is not None}
    seconds = time.perf_counter() - start
    log.info(
        "checked %d images in %.1f s (%.0f a second): %d cannot be read",
        len(paths), seconds, len(paths) / seconds, len(unreadable),
    )  # fmt: skip
    return unreadable


def _problem(path: Path) -> str | None:
    try:
        load_rgb(path)
    except BadImageError as error:
        return str(error.__cause__)  # the bare reason: who reports it has the name and the remedy
    return None


def _key(paths: Sequence[Path]) -> str:
    stats = [(path.name, path.stat()) for path in sorted(paths)]
    parts = [CHECK_VERSION, *((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _load(cache: Path) -> dict[str, str] | None:
    if not cache.exists():
        return None
    try:
        unreadable = json.loads(cache.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        log.warning("checking the images again: %s is damaged (%s)", cache, error)
        return None
    if isinstance(unreadable, dict) and all(isinstance(problem, str) for problem in unreadable.values()):
        return unreadable
    log.warning("checking the images again: %s is damaged (not what is wrong, by name)", cache)
    return None
