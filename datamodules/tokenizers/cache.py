"""Fitted tokenizers on disk, so that a data set is tokenized from scratch once."""

import inspect
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tokenizers

from datamodules.tokenizers.caption_tokenizer import CaptionTokenizer, TokenizerFitter
from utils.cache_key import cache_key, sources_of
from utils.files import atomic_write_text, file_checksum

log = logging.getLogger(__name__)

LARGEST = 2**26  # bytes of a file that is read in full; weights may lie beside a vocabulary


def fit_or_load(fitter: TokenizerFitter, captions: Sequence[str], *, cache_dir: str | Path) -> CaptionTokenizer:
    """Fit a tokenizer, or read the one fitted before with the same arguments on the same captions.

    Args:
        fitter: A function of the captions, with its settings bound by `functools.partial`.
        captions: The training captions.
        cache_dir: Fitted tokenizers are kept in its folder `tokenizers`.
    """
    path = Path(cache_dir) / "tokenizers" / f"{_key(fitter, captions)}.json"
    tokenizer = _load(path)
    if tokenizer is None:
        tokenizer = fitter(captions)
        atomic_write_text(path, tokenizer.to_json())
    return tokenizer


def _load(path: Path) -> CaptionTokenizer | None:
    if not path.exists():
        return None
    try:
        return CaptionTokenizer.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        log.warning("fitting the tokenizer again: %s is damaged (%s)", path, error)
        return None


def _key(fitter: TokenizerFitter, captions: Sequence[str]) -> str:
    function = fitter
    while isinstance(function, partial):
        function = function.func
    # The signature of a partial function shows its bound settings and the defaults of the others alike.
    parameters = inspect.signature(fitter).parameters.values()
    settings = {
        parameter.name: _content(parameter.default)
        for parameter in parameters
        if parameter.default is not inspect.Parameter.empty
    }
    return cache_key(
        library=tokenizers.__version__,
        fitter=function,
        code=sources_of(function.__module__),
        settings=settings,
        captions=captions,
    )


def _content(setting: Any) -> Any:
    """Make a path stand for the files that are there now: with other files the same path is another setting."""
    if not isinstance(setting, str | Path):
        return setting
    path = Path(setting)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: _state(file) for file in files if file.is_file()} or str(path)


def _state(file: Path) -> Any:
    state = file.stat()
    if state.st_size <= LARGEST:
        return file_checksum(file)
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]
