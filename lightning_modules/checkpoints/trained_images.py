"""Refuses figures of images that a model was trained on, or marks them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning.utilities import rank_zero_only

from datamodules.split import CaptionSplit, SplitName
from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.durable_io import read_intact
from lightning_modules.checkpoints.loading import read_record
from lightning_modules.checkpoints.model_folder import is_model_folder
from utils.display import first_names

log = logging.getLogger(__name__)

ALLOW = "allow_trained_images=true"


def mark_of(split: CaptionSplit, known_N: NDArray[np.bool_], *, what: str, remedy: str, allow: bool) -> str | None:
    """Return in words that images which are to be scored were trained on; None where none was.

    Args:
        split: The images.
        known_N: Which of its first N images were.
        what: The images' name, such as "test".
        remedy: What to do for figures of other images.
        allow: Whether it is a mark on the figures, and not an error.

    Raises:
        ValueError: Some were, and that is not allowed.
    """
    numbers = known_N.nonzero()[0].tolist()
    if not numbers:
        return None
    mark = f"{len(numbers)} of the {len(known_N)} {what} images are training images of the checkpoint"
    if allow:
        return mark
    names = first_names([split.image_names[number] for number in numbers])
    raise ValueError(
        f"{mark} ({names}), so that their figures would say nothing of new images; {remedy}, or set {ALLOW}, which "
        f"marks the figures"
    )


def marks_of_start(config: Mapping[str, Any], splits: Mapping[SplitName, CaptionSplit]) -> list[str]:
    """Return what marks the figures of a run that starts, or goes on, from a checkpoint.

    Images that are among the run's own training images, too, are another matter: `shared_images` tells of them.

    Args:
        config: The run's, with `ckpt_path`, `pretrained_model`, `test`, `callbacks` and `allow_trained_images`.
        splits: The run's data.

    Raises:
        ValueError: The checkpoint was trained on images to validate or test on, and that is not allowed.
    """
    key = "pretrained_model" if config["ckpt_path"] is None else "ckpt_path"
    if config[key] is None:
        return []
    record, own = read_record(config[key]), TrainingRecord.of(splits["train"], "")
    if not record.complete:
        tell(f"{key}={config[key]}: an earlier version wrote it; which images it was trained on is not known in full")
    scored: tuple[SplitName, ...] = ("val", "test") if config["test"] else ("val",)
    known = {name: record.knows(splits[name].image_keys) & ~own.knows(splits[name].image_keys) for name in scored}
    if not any(known_N.any() for known_N in known.values()):
        return []
    # the config of an earlier version lacks the key
    allow = config.get("allow_trained_images", False) or (key == "ckpt_path" and _will_be_refused(config))
    remedy = f"{key}: keep the split that the checkpoint was trained with (data.split, data.split_seed, …)"
    marks = [mark_of(splits[name], known_N, what=name, remedy=remedy, allow=allow) for name, known_N in known.items()]
    found = [mark for mark in marks if mark is not None]
    for mark in found:
        tell(mark)
    return found


def _will_be_refused(config: Mapping[str, Any]) -> bool:
    """Return whether `callbacks.SameData` compares all data with the checkpoint's, and has the better words for it."""
    if "same_data" not in config["callbacks"] or is_model_folder(config["ckpt_path"]):
        return False
    return "SameData" in read_intact(config["ckpt_path"]).get("callbacks", {})


@rank_zero_only
def tell(message: str) -> None:
    log.warning(message)


def names_of(sources: Sequence[str]) -> str:
    """Return data sets as a reader would write them."""
    return " and ".join(f"data={source}" for source in sources)
