"""Trains a part of a published encoder beside a network that starts from nothing: by a rate and a decay of its own."""

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from datamodules.batch import CaptionBatch
from lightning_modules.networks import Captioner
from lightning_modules.networks.encoders import Encoder
from lightning_modules.optimized_module import OptimizedModule

BACKBONE = "backbone"  # names the group of its parameters


class FineTunedModule(OptimizedModule):
    """A module with a `network.encoder`, a part of which may be trained as `Encoder.fine_tuning` says."""

    network: Captioner

    def check_run(self, trainer: Trainer) -> None:
        super().check_run(trainer)
        refuse_late_start(self.network.encoder, trainer)

    def parameter_groups(self) -> list[dict[str, Any]]:
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return parameter_groups(trained, self.network.encoder, self.hparams["optimizer"].get("lr", 0.0))

    def configure_optimizers(self) -> Any:
        configured = super().configure_optimizers()
        if self.network.encoder.fine_tuning is not None:
            optimizer = configured["optimizer"] if isinstance(configured, dict) else configured
            optimizer.register_step_post_hook(DecayToStart(self.network.encoder))
        return configured

    def features_of(self, batch: CaptionBatch) -> Tensor:
        """Return `features_BPD` of a batch: from what was cached, or its images encoded, with gradients."""
        encoder = self.network.encoder
        trains = encoder.fine_tuning is None or self.current_epoch >= encoder.fine_tuning.after_epochs
        with torch.set_grad_enabled(torch.is_grad_enabled() and trains):
            if batch.features_BPD is None:
                features_BPD: Tensor = encoder(batch.images_BCHW)
                return features_BPD
            return encoder.trained_part(batch.features_BPD.float())


def parameter_groups(trained: Sequence[nn.Parameter], encoder: Encoder, rate: float) -> list[dict[str, Any]]:
    """Return the groups that an optimizer takes: a second one for the encoder's part with settings of its own.

    Args:
        trained: All parameters that are trained.
        encoder: The encoder.
        rate: The learning rate of the others.
    """
    if encoder.fine_tuning is None:
        return [{"params": [*trained]}]
    own = {parameter for parameter, _ in encoder.start_weights()}
    of_encoder = {
        "params": [parameter for parameter in trained if parameter in own],
        "name": BACKBONE,
        "lr": rate * encoder.fine_tuning.rate_factor,
        "weight_decay": 0.0,  # towards 0; see `DecayToStart`
    }
    return [{"params": [parameter for parameter in trained if parameter not in own]}, of_encoder]


class DecayToStart:
    """Takes an encoder's trained part some way back to where it started, after each step that has changed it.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @torch.no_grad()
    def __call__(self, optimizer: Optimizer, args: Any, settings: Any) -> None:
        """Decay, as PyTorch calls it (`Optimizer.register_step_post_hook`)."""
        assert self.encoder.fine_tuning is not None
        rates = [group["lr"] for group in optimizer.param_groups if group.get("name") == BACKBONE]
        share = sum(rates) * self.encoder.fine_tuning.start_decay
        for parameter, start in self.encoder.start_weights():
            if parameter.grad is not None:
                parameter.lerp_(start, share)


def refuse_late_start(encoder: Encoder, trainer: Trainer) -> None:
    """Refuse a part that would never be trained.

    Raises:
        ValueError: Training ends before.
    """
    tuning, epochs = encoder.fine_tuning, trainer.max_epochs
    if tuning is not None and epochs is not None and 0 < epochs <= tuning.after_epochs:
        raise ValueError(
            f"model.encoder.trainable_after={tuning.after_epochs} with trainer.max_epochs={epochs}: the blocks of "
            f"model.encoder.trainable_from would never be trained; let them begin earlier, or train longer"
        )
