"""A model that knows what it was trained on, also after many trainings, in every checkpoint of it."""

from typing import Any

from pytorch_lightning import LightningModule

from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.formats import CHECKPOINT_FORMAT, upgraded

TRAINED_ON = "trained_on"


class RecordsTraining(LightningModule):
    """Writes its checkpoints' format and the record of its training images, whatever the callbacks.

    Attributes:
        trained_on: What the weights that it started from were trained on; None for a random start.
    """

    trained_on: TrainingRecord | None = None

    def record_training(self, record: TrainingRecord) -> None:
        """Note that the weights were trained on these images, beside those that are known."""
        self.trained_on = record if self.trained_on is None else self.trained_on | record

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint.update(upgraded(checkpoint))
        super().on_load_checkpoint(checkpoint)
        self.record_training(TrainingRecord.from_checkpoint(checkpoint.get(TRAINED_ON)))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is not None:
            self.record_training(datamodule.training_record)
        checkpoint |= header(self.trained_on)


def header(record: TrainingRecord | None) -> dict[str, Any]:
    """Return what every checkpoint says of itself."""
    return {"facet_format": CHECKPOINT_FORMAT, TRAINED_ON: None if record is None else record.to_checkpoint()}
