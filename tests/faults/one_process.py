"""A callback by which one of two processes meets what the other does not, and settings of runs with two forks."""

import errno
import os
import signal
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch.distributed as dist
from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.dataset import CaptionDataset
from datamodules.image_files.reading import BadImageError

SECONDS = 20
"""That one process waits for the other; then the run ends with an error, where it would hang for half an hour."""

TWO_FORKS = (
    "trainer.devices=2",
    "trainer.strategy={_target_: pytorch_lightning.strategies.DDPStrategy, start_method: fork, "
    f"timeout: {{_target_: datetime.timedelta, seconds: {SECONDS}}}}}",
    "data.batch_size=2",
)


def _unreadable() -> None:
    raise BadImageError("3.jpg: not a usable image (cut short); replace or remove the file")


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


ACCIDENTS: dict[str, Callable[[], None]] = {"unreadable": _unreadable, "killed": _killed, "full disk": _full}


class OneProcess(Callback):
    """Lets something happen to one process.

    Args:
        rank: Which.
        at: The hook in which an accident happens; None for nowhere.
        accident: One of `ACCIDENTS`.
        unreadable: Which of the training images that it loads cannot be read, in the order of loading.
    """

    def __init__(
        self, rank: int = 1, at: str | None = None, accident: str = "unreadable", unreadable: Sequence[int] = ()
    ) -> None:
        self.rank = rank
        self.accident = ACCIDENTS[accident]
        self.unreadable = [*unreadable]
        self.loaded = count()
        if at is not None:
            setattr(self, at, self._happens)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit" or not self.unreadable:
            return
        trainer.datamodule.on_bad_data = "skip"  # type: ignore[attr-defined]
        for dataset in trainer.datamodule._datasets.values():  # type: ignore[attr-defined]
            dataset.skip_bad_images = True
        sample = CaptionDataset._sample

        def spoilt(dataset: CaptionDataset, index: int) -> Any:
            training = dataset.captions_per_image is not None
            if training and dist.get_rank() == self.rank and next(self.loaded) in self.unreadable:
                raise BadImageError(f"{index}: not a usable image; replace or remove the file")
            return sample(dataset, index)

        CaptionDataset._sample = spoilt  # type: ignore[method-assign] # of this fork

    def _happens(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_rank == self.rank and not trainer.sanity_checking:
            self.accident()
