"""Random numbers of a step that do not depend on the steps before."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.seeding import derive_seed, run_seed, seed_cpu


class StepSeeds(Callback):
    """Seeds all generators before each batch, by the run's seed, the process and the step.

    So an interrupted run draws what it would have drawn, wherever it goes on, and no generator's state has to be kept.
    Every validation draws the same numbers: what differs between two of them is the model alone.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        # both: with accumulated gradients several batches make a step
        self._seed(trainer, "train", trainer.global_step, batch_idx)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._seed(trainer, "val", batch_idx)

    def on_test_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._seed(trainer, "test", batch_idx)

    def _seed(self, trainer: Trainer, *parts: int | str) -> None:
        seed = derive_seed(run_seed(), trainer.global_rank, *parts)
        seed_cpu(seed)
        torch.manual_seed(seed)  # and those of GPUs
