"""What a run on several devices needs beyond Lightning, and which it cannot do."""

from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import VariationalCaptioner
from user_errors import in_sweep


def refuse_lost_devices(trainer: Trainer) -> None:
    """Refuse a sweep whose jobs would start child processes by running this script again.

    Each child would rerun the whole sweep, and the jobs would train on parts of their data.
    """
    if in_sweep() and trainer.num_devices > 1 and isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
        raise ValueError(
            f"a sweep (-m) with trainer.devices={trainer.num_devices} cannot start its processes as scripts; set "
            f"trainer.devices=1, or trainer.strategy=ddp_spawn to use all devices for each job"
        )


def refuse_empty_shares(trainer: Trainer, datamodule: CaptionDataModule) -> None:
    """Refuse processes that would get no whole batch of the training images."""
    num_images, processes = len(datamodule.splits["train"].image_ids), trainer.world_size
    share = num_images // processes
    if share < datamodule.batch_size:
        raise ValueError(
            f"data.batch_size={datamodule.batch_size} on each of {processes} processes is more than their share of the "
            f"{num_images} training images; set data.batch_size to at most {share}, or use fewer devices"
        )


def expect_unused_parameters(trainer: Trainer, captioner: VariationalCaptioner) -> None:
    """Let DDP find out which parameters a step leaves alone, where the training does leave some.

    A policy gradient reaches neither the posteriors nor the image decoder, and DDP would wait for their gradients.
    """
    if captioner.self_critical is not None and isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)
