"""Decodes every image once, so that a bad one is found before training and not in its tenth hour."""

import json
import logging
import os
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from datamodules.image_files.file_states import State, state_of
from datamodules.image_files.keys import file_keys
from datamodules.image_files.reading import BadImageError
from utils.cache_key import cache_key, reader_version, sources_of
from utils.files import atomic_write_text
from utils.progress import progress_bar

log = logging.getLogger(__name__)

AT_ONCE = 4096  # images that wait for a thread

Image = TypeVar("Image")

Outcome = str | tuple[int, int]
"""What is wrong with an image, or what it is known by (see `image_files.keys.file_keys`)."""


class ImageCheck(NamedTuple):
    """What was found, by the path of the file.

    Attributes:
        unreadable: What is wrong with each image that cannot be used.
        keys: What each of the others is known by (see `image_files.keys.file_keys`).
    """

    unreadable: dict[str, str]
    keys: dict[str, tuple[int, int]]


def check_images(paths: Sequence[str | Path], *, folder: Path, cache_dir: Path) -> ImageCheck:
    """Decode images, or look up the outcome of those that have the size and times of an earlier check.

    Args:
        paths: The image files, all of which exist.
        folder: What they lie in, at whatever depth; a cache is of one folder.
        cache_dir: Outcomes are kept here.
    """
    cache = cache_dir / f"checked-{_key(folder)}.json"
    known = _load(cache)
    every = [*map(str, paths)]
    others = {path: state for path in every if (state := state_of(path)) != known.get(path, (None,))[0]}
    if others:
        named = ((path, Path(path)) for path in others)
        outcomes = decode_all(named, file_keys, num=len(others), unit="image")
        known |= {path: (others[path], outcome) for path, outcome in zip(others, outcomes, strict=True)}
        atomic_write_text(cache, json.dumps(known))
    return ImageCheck(
        {path: outcome for path in every if isinstance(outcome := known[path][1], str)},
        {path: outcome for path in every if not isinstance(outcome := known[path][1], str)},
    )


def decode_all(
    images: Iterable[tuple[Hashable, Image]],
    keys_of: Callable[[Image], tuple[int, int]],
    *,
    num: int,
    unit: str,
    at_once: int = AT_ONCE,
) -> list[Outcome]:
    """Decode images on all cores; return the outcome of each, in order.

    Args:
        images: What is equal for equal images, of which only the first is decoded, and the image.
        keys_of: Decodes an image and returns what it is known by; raises `BadImageError` if it cannot be decoded.
        num: How many there are.
        unit: What the progress bar calls one of them.
        at_once: How many are taken from `images` at a time.
    """
    start = time.perf_counter()
    known: dict[Hashable, Outcome] = {}
    outcomes: list[Outcome] = []

    def outcome_of(image: Image) -> Outcome:
        try:
            return keys_of(image)
        except BadImageError as error:
            return str(error.__cause__ or error)  # the bare reason: who reports it has the name and the remedy

    waiting = iter(images)
    # Threads, not processes: PIL lets go of the interpreter while it decodes, and threads start at once.
    with (
        ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
        progress_bar(total=num, desc="checking images", unit=unit) as progress,
    ):
        while some := [*islice(waiting, at_once)]:
            new: dict[Hashable, Image] = {}
            for content, image in some:
                if content not in known:
                    new.setdefault(content, image)
            for content, outcome in zip(new, pool.map(outcome_of, new.values()), strict=True):
                known[content] = outcome
                progress.update()
            outcomes += [known[content] for content, _ in some]
            progress.update(len(some) - len(new))
    seconds = time.perf_counter() - start
    log.info(
        "checked %d images in %.1f s (%.0f a second): %d of %d %ss cannot be read",
        len(known), seconds, len(known) / seconds, sum(isinstance(found, str) for found in outcomes), num, unit,
    )  # fmt: skip
    return outcomes


def _key(folder: Path) -> str:
    return cache_key(
        folder=os.path.realpath(folder), reader=reader_version(), keys=sources_of("datamodules.image_files.keys")
    )


def _load(cache: Path) -> dict[str, tuple[State, Outcome]]:
    """Return the outcomes of earlier checks with the files' states; none where the file is damaged."""
    if not cache.exists():
        return {}
    try:
        saved = json.loads(cache.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        log.warning("checking the images again: %s is damaged (%s)", cache, error)
        return {}
    known = _outcomes(saved)
    if known is None:
        log.warning("checking the images again: %s is damaged (not what was found, by name)", cache)
    return known or {}


def _outcomes(saved: Any) -> dict[str, tuple[State, Outcome]] | None:
    """Put tuples for the lists that JSON has; None where something else was saved."""
    if not isinstance(saved, dict):
        return None
    for path, of_file in saved.items():
        match of_file:
            case [[int(size), int(changed), int(renewed)], str(problem)]:
                saved[path] = (size, changed, renewed), problem
            case [[int(size), int(changed), int(renewed)], [int(of_bytes), int(of_pixels)]]:
                saved[path] = (size, changed, renewed), (of_bytes, of_pixels)
            case _:
                return None
    return saved
