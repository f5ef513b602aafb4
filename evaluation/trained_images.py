"""What the checkpoint's training images have to do with the images that are evaluated."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit, SplitName
from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.trained_images import mark_of, names_of


class Training(NamedTuple):
    """What is known of the checkpoint's training, for its readers.

    Attributes:
        mark: That images which are scored were trained on; None where none was, as far as is known.
        captions: The captions of the training images; None where it cannot tell what is novel.
        notes: What a reader must know beside the mark.
    """

    mark: str | None
    captions: Sequence[str] | None
    notes: Sequence[str]


def refuse_other_data(record: TrainingRecord, datamodule: CaptionDataModule) -> None:
    """Refuse evaluate.py's own choice of the data where the checkpoint was trained on others.

    Raises:
        ValueError: The user named no data, and the checkpoint is of others than the default ones.
    """
    named = any(override.lstrip("+").startswith("data=") for override in HydraConfig.get().overrides.task)
    if not named and record.sources and datamodule.source not in record.sources:
        trained_on = names_of(record.sources)
        raise ValueError(
            f"the checkpoint was trained on {trained_on}, and no data are named, so that it would be evaluated on "
            f"data={datamodule.source}; name the data: {trained_on} with its data.root= and other settings, or "
            f"data={datamodule.source}"
        )


def inspect_training(
    record: TrainingRecord, splits: Mapping[SplitName, CaptionSplit], name: SplitName, num_images: int, *, allow: bool
) -> Training:
    """Compare the first images of a split, which are to be scored, with the checkpoint's training images.

    Raises:
        ValueError: Some were trained on, and `allow` is false.
    """
    split, notes = splits[name], []
    known_N = record.knows(split.image_keys[:num_images])
    mark = mark_of(
        split,
        known_N,
        what=name,
        remedy="name the data and the split that it was trained with (data.split, data.split_seed, data.num_test, …)",
        allow=allow,
    )
    if not record.complete:
        notes.append(
            "Which images the checkpoint was trained on is not known in full, for an earlier version wrote it or its "
            "pretrained_model: nothing tells whether they are among the scored ones."
        )
    if mark is not None:
        notes.append(f"{mark}: the scores say nothing of new images.")
    of_train_N = record.knows(splits["train"].image_keys)
    if record.complete and 0 < of_train_N.sum() < len(of_train_N):
        notes.append(
            f"The checkpoint was trained on {of_train_N.sum()} of the {len(of_train_N)} training images of these data."
        )
    captions = _training_captions(record, splits)
    scored_are_known = mark is not None or (not record.complete and name == "train")
    if not captions:
        notes.append("Novelty is left out: the checkpoint was trained on none of these data's images.")
    elif scored_are_known:
        notes.append("Novelty is left out: the scored images' own captions are among the training captions.")
    return Training(mark, None if scored_are_known or not captions else captions, notes)


def _training_captions(record: TrainingRecord, splits: Mapping[SplitName, CaptionSplit]) -> list[str]:
    """Return the captions of the images that were trained on: those of the train split where that is not known."""
    if not record.complete:
        return [caption for captions in splits["train"].captions for caption in captions]
    return [
        caption
        for split in splits.values()
        for captions, known in zip(split.captions, record.knows(split.image_keys), strict=True)
        if known
        for caption in captions
    ]
