"""Random numbers of several processes that train together."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

STRIDE = 1_000_003  # between the seeds of processes; far from the few seeds that people give their runs


class OwnNoise(Callback):
    """Lets each process draw its own noise: codes, words, dropout and captions.

    Lightning seeds all processes alike, so that image for image they would draw the same numbers. The first process's
    stay as they are.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_rank > 0:
            torch.manual_seed(torch.initial_seed() + STRIDE * trainer.global_rank)
