"""Starts a model from the weights of another."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from lightning_modules.base import FacetModule
from lightning_modules.checkpoints.compatibility import of_other_shapes
from lightning_modules.checkpoints.loading import load_module

log = logging.getLogger(__name__)


class WarmStart(NamedTuple):
    """Which weights were taken over.

    Attributes:
        kept: Names of those that were.
        skipped: Of those that the filter left out.
        missing: Of those that the checkpoint lacks: they start as they would without it.
    """

    kept: list[str]
    skipped: list[str]
    missing: list[str]


def warm_start(
    module: FacetModule, path: str | Path, *, skip: str | None, trusted_packages: Sequence[str] = ()
) -> WarmStart:
    """Take over the weights of a checkpoint, but for those whose names contain `skip`, and what it was trained on.

    Args:
        module: The model to change.
        path: A checkpoint that `train.py` wrote.
        skip: Part of a name, such as `decoder_` for both decoders to start afresh; None takes all.
        trusted_packages: Packages of yours that the checkpoint may build parts from.

    Raises:
        ValueError: The checkpoint cannot be read, has another vocabulary or other shapes, shares no weight with the
            model, or no weight's name contains `skip`.
    """
    source = load_module(path, trusted_packages=trusted_packages)
    tokenizers = {model.hparams["tokenizer"] for model in (source, module) if "tokenizer" in model.hparams}
    if len(tokenizers) > 1:  # one that reads no captions has none
        raise ValueError(
            f"pretrained_model={path}: its tokenizer is another than this run's, for it was made of other captions or "
            f"by other settings, and weights are of words; set tokenizer=checkpoint to keep those of the checkpoint, "
            f"or train both with tokenizer=gpt2, which captions do not change"
        )
    theirs, ours = source.state_dict(), module.state_dict()
    start = _chosen(theirs, ours, path, skip)
    module.load_state_dict({name: theirs[name] for name in start.kept}, strict=False)
    assert source.trained_on is not None, "load_module notes what is known"
    module.record_training(source.trained_on)
    skipped, missing = (f"({', '.join(names) or '-'})" for names in (start.skipped, start.missing))
    log.info(
        "warm start: %d weights kept; %d skipped %s; %d missing %s",
        len(start.kept), len(start.skipped), skipped, len(start.missing), missing,
    )  # fmt: skip
    return start


def _chosen(theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor], path: str | Path, skip: str | None) -> WarmStart:
    """Return which weights can be taken over; arguments and errors as of `warm_start`."""
    skipped = [] if skip is None else [name for name in theirs if skip in name]
    if skip is not None and not skipped:
        raise ValueError(
            f"pretrained_skip={skip}: no weight of {path} has it in its name; expected such as decoder_, or null for "
            f"all weights"
        )
    kept = [name for name in theirs if name not in skipped and name in ours]
    if wrong := of_other_shapes({name: theirs[name] for name in kept}, ours):
        raise ValueError(
            f"pretrained_model={path}: {len(wrong)} weights have other shapes, such as {wrong[0]}; choose the same "
            f"parts and sizes"
        )
    if not kept:
        raise ValueError(f"pretrained_model={path}: none of its weights is one of this model's; choose the same parts")
    return WarmStart(kept, skipped, missing=[name for name in ours if name not in kept and name not in skipped])
