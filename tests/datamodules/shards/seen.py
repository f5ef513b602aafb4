"""A callback that notes which images each process was trained on."""

import json
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.batch import CaptionBatch


class SeenImages(Callback):
    """Writes the numbers of the images of each batch into a file of each process and epoch.

    Args:
        folder: An existing one.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.batches: list[list[int]] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: CaptionBatch, batch_idx: int
    ) -> None:
        self.batches.append(batch.image_ids_B.tolist())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        path = self.folder / f"{trainer.current_epoch}-{trainer.global_rank}.json"
        path.write_text(json.dumps(self.batches))
        self.batches = []
