"""Where in training a checkpoint lies, put so that Lightning goes on exactly from there.

Lightning counts what is ready, started, processed and completed, of epochs and of batches, and guesses from the counts
at which hook a checkpoint was written. It guesses wrong where `max_steps` is set, where an epoch was broken off, and
where a validation after the checkpoint's batch is not due any more. So the counts are brought to one of two forms:

- in the middle of an epoch: its last batch is processed and not completed, as in `on_train_batch_end`, so that
  Lightning passes over the validation that may have followed it;
- between two epochs: all batches are completed, and the epoch is processed, as in `on_train_epoch_end`.

In a checkpoint these counts are at `checkpoint["loops"]["fit_loop"]`.
"""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Trainer

from utils.lightning_internals import count_figures_step, restart_no_more

EPOCHS, BATCHES, STEPPED = "epoch_progress", "epoch_loop.batch_progress", "_batches_that_stepped"
SPANS = ("total", "current")


def settle(fit_loop: dict[str, Any]) -> None:
    """Bring the counts of a checkpoint to one of the two forms, in place.

    Args:
        fit_loop: Of a checkpoint that was written at any hook after a batch.
    """
    epochs, batches, state = fit_loop[EPOCHS], fit_loop[BATCHES], fit_loop["epoch_loop.state_dict"]
    at_end = _is_processed(epochs)
    if in_mid_epoch(fit_loop):
        for span in SPANS:
            epochs[span]["processed"] -= at_end
            epochs[span]["completed"] = min(epochs[span]["completed"], epochs[span]["processed"])
            batches[span]["completed"] = batches[span]["processed"] - 1
        state[STEPPED] -= at_end  # counted after the batch's hooks and its validation
    else:
        for span in SPANS:
            epochs[span]["processed"] += not at_end
            batches[span]["completed"] = batches[span]["processed"]
        state[STEPPED] += not at_end
        fit_loop["state_dict"].pop("combined_loader", None)  # the next epoch begins with its first batch


def in_mid_epoch(fit_loop: Mapping[str, Any]) -> bool:
    """Return whether batches of the checkpoint's epoch are left, also if training was broken off there."""
    return not fit_loop[BATCHES]["is_last_batch"]


def next_logged_step(fit_loop: dict[str, Any]) -> int:
    """Return the step that the next training batch is logged at, of counts that are settled."""
    stepped: int = fit_loop["epoch_loop.state_dict"][STEPPED]
    return stepped + in_mid_epoch(fit_loop)


def begin_next_epoch(trainer: Trainer) -> None:
    """Let Lightning know that it is between two epochs; with `max_steps` it would leave the next one out."""
    loop = trainer.fit_loop
    if not loop.restarting or not _is_processed(loop.epoch_progress.state_dict()):
        return
    for tracker in (loop.epoch_progress.total, loop.epoch_progress.current):
        tracker.completed = tracker.processed  # type: ignore[attr-defined] # Lightning's annotation is too wide
    restart_no_more(trainer)


def end_without_training(trainer: Trainer) -> None:
    """Count as Lightning does at the end of training, where a run that goes on has nothing left to train."""
    epochs = trainer.fit_loop.epoch_progress
    if not _is_processed(epochs.state_dict()):
        count_figures_step(trainer)
        epochs.increment_processed()
    for tracker in (epochs.total, epochs.current):
        tracker.completed = tracker.processed  # type: ignore[attr-defined]


def _is_processed(progress: Mapping[str, Any]) -> bool:
    current = progress["current"]
    return bool(current["processed"] == current["ready"])
