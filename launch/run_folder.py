"""A folder belongs to one run: nobody else writes into it while it runs, and what it holds is not overwritten."""

import atexit
import errno
import fcntl
import functools
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from launch.restarts import has_restarted, run_to_resume
from launch.sweep_table import RECORDS
from utils.home_folder import expand_home
from utils.process_rank import is_first_process
from utils.shell import hydra_command, shell_override

OWNER = ".owner"
RESULTS = ("checkpoints", "tensorboard", "captions.json", "scores.json", "sweep.csv", RECORDS)
IS_LOCKED = (errno.EACCES, errno.EAGAIN)
Result = TypeVar("Result")

_owned: dict[Path, int] = {}  # handles of the locked files


class FolderTakenError(ValueError):
    """A folder is another run's."""


class OwnFolder(Callback):
    """Takes the folder of a run or of a sweep before Hydra writes into it.

    Args:
        numbered: Whether a run's folder that nobody has named on the command line is counted up where it is taken:
            `report`, `report-2`, …. Else it is refused.
    """

    def __init__(self, numbered: bool = False) -> None:
        self.numbered = numbered

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if _is_further_process():
            return
        named = any(text.startswith("hydra.run.dir=") for text in config.hydra.overrides.hydra)
        if not self.numbered or named:
            _take_or_end(config.hydra.run.dir, "hydra.run.dir", goes_on=has_restarted(Path(config.hydra.run.dir)))
            return
        with read_write(config), open_dict(config):
            config.hydra.run.dir = _take_free(config.hydra.run.dir)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _take_or_end(config.hydra.sweep.dir, "hydra.sweep.dir", goes_on=False)


def _take_or_end(folder: str, key: str, *, goes_on: bool) -> None:
    try:
        take(Path(folder), key, goes_on=goes_on)
    except FolderTakenError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None  # Hydra passes over any other exception of a callback


def _take_free(folder: str) -> str:
    names = (folder if number == 1 else f"{folder}-{number}" for number in count(1))
    return next(name for name in names if _can_take(Path(name)))


def _can_take(folder: Path) -> bool:
    """Take a folder; return whether it was free."""
    try:
        take(folder, "hydra.run.dir")
    except FolderTakenError:
        return False
    return True


def in_own_folder(job: Callable[[DictConfig], Result]) -> Callable[[DictConfig], Result]:
    """Let a Hydra job own its folder, or that of the run that it goes on with, for as long as it takes.

    `~` is the home folder in all of the job's settings.

    The job raises a `FolderTakenError` where another process is at work there, or results of another run are.
    """

    @functools.wraps(job)
    def owning(config: DictConfig) -> Result:
        expand_home(config)
        if _is_further_process():
            return job(config)
        old_run = run_to_resume(config) if "resume" in config else None
        if old_run is None:
            with _owned_for_now(Path(HydraConfig.get().runtime.output_dir), "hydra.run.dir", goes_on=False):
                return job(config)
        with _owned_for_now(old_run, "resume", goes_on=True):
            return job(config)

    return owning


def _is_further_process() -> bool:
    """Return whether this is a further process of a run, which shares the first one's folder."""
    return not is_first_process()


@contextmanager
def _owned_for_now(folder: Path, key: str, *, goes_on: bool) -> Iterator[None]:
    take(folder, key, goes_on=goes_on)
    try:
        yield
    finally:
        release(folder)


def take(folder: Path, key: str, *, goes_on: bool = False) -> None:
    """Own a folder until `release`, or until this process ends, however it does.

    Args:
        folder: Made if it is not there.
        key: The setting that names it, for the message.
        goes_on: Whether the run goes on with what is there.

    Raises:
        FolderTakenError: Another process is at work in it, or it holds results of another run.
    """
    folder = folder.resolve()
    if folder in _owned:
        return
    handle = _lock(folder, key)
    found = [name for name in RESULTS if _holds_something(folder / name)]
    if found and not goes_on:
        _unlock(folder, handle)
        raise FolderTakenError(_taken(folder, key, found[0]))
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode(), 0)
    _owned[folder] = handle


def release(folder: Path) -> None:
    """Own a folder no more."""
    folder = folder.resolve()
    if folder in _owned:
        _unlock(folder, _owned.pop(folder))


@atexit.register
def release_all() -> None:
    """Own no folder any more."""
    for folder in [*_owned]:
        release(folder)


def _lock(folder: Path, key: str) -> int:
    """Return a handle of the owner's file, locked by this process alone; processes that it forks do not hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in IS_LOCKED:
                owner = os.pread(handle, 1000, 0).decode()
                os.close(handle)
                raise FolderTakenError(_at_work(folder, key, owner)) from None
            # else a file system without locks: there, what the folder holds has to do
        if _is_still(folder / OWNER, handle):
            return handle
        os.close(handle)  # its owner has just gone, and the file with it


def _unlock(folder: Path, handle: int) -> None:
    (folder / OWNER).unlink(missing_ok=True)
    os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(handle))


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _at_work(folder: Path, key: str, owner: str) -> str:
    who = " ".join(f"{name} {value}" for name, value in json.loads(owner or "{}").items())
    remedy = "wait for its end, or stop it first" if key == "resume" else "choose another folder"
    return f"{shell_override(key, str(folder))}: a run is at work in this folder ({who or 'another process'}); {remedy}"


def _taken(folder: Path, key: str, found: str) -> str:
    remedy = "choose another folder, or remove it"
    if (folder / "config.yaml").is_file():
        remedy = f"choose another folder, or go on with that run: {hydra_command('train.py', resume=folder)}"
    return f"{shell_override(key, str(folder))} holds {found} of an earlier run, which would be overwritten; {remedy}"
