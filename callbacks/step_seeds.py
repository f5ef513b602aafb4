"""Random numbers of a step that do not depend on the steps before."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from utils.seeding import derive_seed, run_seed, seed_cpu


class StepSeeds(Callback):
    """Seeds all generators before each training batch, by the run's seed, the process and the step.

    So an interrupted run draws what it would have drawn, wherever it goes on, and no generator's state has to be kept.
    Validation and test draw from generators of each image (`utils.seeding.generators_of_images`).
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        # both: with accumulated gradients several batches make a step
        seed = derive_seed(run_seed(), trainer.global_rank, "train", trainer.global_step, batch_idx)
        seed_cpu(seed)
        torch.manual_seed(seed)  # and those of GPUs
