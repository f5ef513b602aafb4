"""Builds the optimizer and the learning rate's schedule, and lets a run that goes on follow the settings of now.

What a checkpoint holds of an optimizer and a scheduler is their state and their settings in one: restored as it is, a
learning rate that was given anew, or that belongs to another schedule, would count for nothing.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from pytorch_lightning import Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from lightning_modules.base import FacetModule
from lightning_modules.build import build

Settings = list[dict[str, Any]]
"""Of each group of parameters, with what the scheduler has added to them."""

FOLLOWS_FROM_STEP = (LambdaLR, OneCycleLR)  # their rate depends on the step alone, not on the rate before


class OptimizedModule(FacetModule):
    """A module whose hyperparameters `optimizer` and `scheduler` are configs (see `conf/model`)."""

    def check_run(self, trainer: Trainer) -> None:
        super().check_run(trainer)
        if self.hparams["scheduler"] and trainer.max_epochs == trainer.max_steps == -1:
            raise ValueError(
                "trainer.max_epochs=-1 leaves open how many steps there are, by which the learning rate "
                "(model/scheduler) goes; set trainer.max_steps, before which trainer.max_time may end training, or "
                "model/scheduler=constant"
            )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters that are trained, in groups as optimizers take them; by default all in one."""
        return [{"params": [parameter for parameter in self.parameters() if parameter.requires_grad]}]

    def configure_optimizers(self) -> Any:
        optimizer = build(self.hparams["optimizer"], self.parameter_groups())
        configured: Any = optimizer
        if self.hparams["scheduler"]:
            total_steps = max(1, int(self.trainer.estimated_stepping_batches))
            scheduler = build(self.hparams["scheduler"], optimizer, total_steps=total_steps)
            configured = {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
        self._given = [
            {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
        ]
        return configured

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the state of a scheduler of another class."""
        super().on_load_checkpoint(checkpoint)
        ours = self.hparams["scheduler"]
        written_with = checkpoint.get("hyper_parameters", {}).get("scheduler", ours)
        if written_with.get("_target_") != ours.get("_target_"):
            checkpoint["lr_schedulers"] = []

    def on_train_start(self) -> None:
        schedulers = [config.scheduler for config in self.trainer.lr_scheduler_configs]
        follow(self._given, self.trainer.optimizers[0], schedulers, self.global_step)


def follow(given: Settings, optimizer: Optimizer, schedulers: Sequence[LRScheduler], step: int) -> None:
    """Give a restored optimizer its settings of now, and the learning rate that follows from these at its step.

    Args:
        given: The optimizer's settings when it was made.
        optimizer: The optimizer.
        schedulers: Its scheduler, restored or as it was made; none where the rate is constant.
        step: Steps that were taken.
    """
    rates = [group["lr"] for group in (optimizer.param_groups if schedulers else given)]
    for group, settings in zip(optimizer.param_groups, given, strict=True):
        group.update(settings)
        if group.get("fused"):
            _count_steps_beside(group["params"], optimizer)
    for scheduler in schedulers:
        if isinstance(scheduler, FOLLOWS_FROM_STEP):
            rates = _rates(scheduler, given, step)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def _count_steps_beside(parameters: Sequence[Tensor], optimizer: Optimizer) -> None:
    """Bring the numbers of steps to the parameters' device, where a fused optimizer wants them and others do not."""
    for parameter in parameters:
        state = optimizer.state.get(parameter, {})
        if "step" in state:
            state["step"] = state["step"].to(parameter.device)


def _rates(scheduler: LRScheduler, given: Settings, step: int) -> list[Any]:
    scheduler.base_lrs = [settings["initial_lr"] for settings in given]
    scheduler.last_epoch = scheduler.last_epoch or step  # 0 if it was not restored
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch would rather be asked for the last rate, which is of old settings
        scheduler._last_lr = scheduler.get_lr()
    return scheduler._last_lr
