"""Warns where the figure that checkpoints are chosen by tells no validation from another."""

import logging
import math
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from utils.lightning_internals import callbacks_of

log = logging.getLogger(__name__)


class ConstantMonitors(Callback):
    """Warns where what a callback monitors was the same in all validations, or 0 in the only one.

    Looked at is the `monitor` of every callback that has one, such as `ModelCheckpoint` and `EarlyStopping`: of equal
    values they take the first for the best. A warning comes after the second validation, and once more at the end.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Any]] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        for name in _monitored(trainer):
            if name in trainer.callback_metrics:
                seen = self._take_in(name, trainer.callback_metrics[name].item())
                if seen["number"] == 2:
                    _warn(trainer, name, seen)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, seen in self._seen.items():
            if seen["number"] > 2 or seen["value"] == 0:
                _warn(trainer, name, seen)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._seen = state_dict["seen"]

    def _take_in(self, name: str, value: float) -> dict[str, Any]:
        seen = self._seen.setdefault(name, {"number": 0, "value": value, "same": True})
        seen["same"] &= value == seen["value"] or (math.isnan(value) and math.isnan(seen["value"]))
        seen["number"] += 1
        return seen


def _monitored(trainer: Trainer) -> dict[str, str]:
    """Return what is monitored, and the class of the last callback that does."""
    callbacks = callbacks_of(trainer)
    return {name: type(one).__name__ for one in callbacks if (name := getattr(one, "monitor", None)) is not None}


def _warn(trainer: Trainer, name: str, seen: dict[str, Any]) -> None:
    if seen["same"] and trainer.is_global_zero:
        log.warning(
            "%s, by which %s chooses, was %g in every validation so far (%d): it tells none from another, and the "
            "first counts as the best; let it monitor a figure that differs",
            name, _monitored(trainer).get(name, "a callback"), seen["value"], seen["number"],
        )  # fmt: skip
