"""Gradient clipping for FSDP."""

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.optim import Optimizer


class ShardedClipping(Callback):
    """Clips gradients of which each process holds a shard, by the norm of the whole; Lightning refuses to.

    Args:
        max_norm: As `trainer.gradient_clip_val`.
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        assert isinstance(trainer.strategy.model, FullyShardedDataParallel)
        trainer.strategy.model.clip_grad_norm_(self.max_norm)
