"""What a run on several devices needs beyond Lightning, and what it cannot do."""

import ctypes
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from callbacks import ShardedClipping
from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import FacetModule
from utils import lightning_internals
from utils.errors import LostProcessError, in_sweep
from utils.shell import hydra_command

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
RAISED = re.compile(r"^(?P<kind>[\w.]+): (?P<message>(?:(?!^  File ).)*)\Z", re.MULTILINE | re.DOTALL)
"""The end of a traceback."""


def refuse_lost_devices(trainer: Trainer, *, can_spawn: bool = True) -> None:
    """Refuse a sweep whose jobs would start child processes by running this script again.

    Each child would rerun the whole sweep, and the jobs would train on parts of their data. Processes that SLURM or
    torchrun has started are fine.

    Args:
        trainer: Of a job.
        can_spawn: Whether the job could run in processes that are spawned.

    Raises:
        ValueError: The job is one of a sweep, and would start scripts.
    """
    if in_sweep() and trainer.num_devices > 1 and _starts_scripts(trainer):
        otherwise = ", or trainer.strategy=ddp_spawn to use all devices for each job" if can_spawn else ""
        raise ValueError(
            f"a sweep (-m) with trainer.devices={trainer.num_devices} cannot start its processes as scripts; set "
            f"trainer.devices=1{otherwise}"
        )


def _starts_scripts(trainer: Trainer) -> bool:
    environment = getattr(trainer.strategy, "cluster_environment", None)
    by_script = lightning_internals.starts_scripts(trainer)
    return by_script and not (environment and environment.creates_processes_externally)


def refuse_empty_shares(trainer: Trainer, datamodule: CaptionDataModule) -> None:
    """Refuse processes that would get no whole batch of the training images."""
    num_images, processes = len(datamodule.splits["train"].image_ids), trainer.world_size
    share = num_images // processes
    if share < datamodule.batch_size:
        raise ValueError(
            f"data.batch_size={datamodule.batch_size} on each of {processes} processes is more than their share of the "
            f"{num_images} training images; set data.batch_size to at most {share}, or use fewer devices"
        )


def expect_unused_parameters(trainer: Trainer, module: FacetModule) -> None:
    """Let DDP find out which parameters a training step leaves without a gradient; it would wait for them."""
    if module.leaves_parameters_unused and isinstance(trainer.strategy, DDPStrategy):
        lightning_internals.expect_unused_parameters(trainer.strategy)


def best_checkpoint(trainer: Trainer) -> str | None:
    """Return where the best checkpoint is; None without one, or where the disk had no room for it.

    The first process decides for all: each may have a disk of its own, and none may test other weights than the others.
    """
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    found: str | None = trainer.strategy.broadcast(best if best and Path(best).is_file() else None)
    return found


def end_with_first_process(trainer: Trainer) -> None:
    """Let a process that the first one has started end when that one is killed, on Linux.

    The first process watches the others, but nobody watches it: on GPUs the others could wait for it for half an hour.
    """
    started = lightning_internals.starts_scripts(trainer) and trainer.local_rank > 0
    if started and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def naming_lost_processes(trainer: Trainer) -> Iterator[None]:
    """Say in one line that another process of the run is gone, which the exchange of gradients reports at length.

    An error of a process that was forked or spawned comes as what it was in that process.

    Raises:
        LostProcessError: It is gone.
    """
    try:
        with as_in_their_process():
            yield
    except ProcessExitedException as error:
        raise LostProcessError(
            f"process {error.error_index} of {trainer.world_size} was killed or ended ({error}). Go on with: "
            f"{hydra_command('train.py', resume=trainer.default_root_dir)}"
        ) from error
    except RuntimeError as error:
        if trainer.world_size == 1 or not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        raise LostProcessError(
            f"process {trainer.global_rank} of {trainer.world_size} cannot reach another one, which has failed or was "
            f"killed; its own message may stand above. Go on with: "
            f"{hydra_command('train.py', resume=trainer.default_root_dir)}"
        ) from error


@contextmanager
def as_in_their_process() -> Iterator[None]:
    """Raise the error of a process that was forked or spawned as it was there, not as the text of a traceback."""
    try:
        yield
    except ProcessRaisedException as error:
        raised = RAISED.search(str(error))
        kind = raised and _class_called(raised["kind"])
        if not raised or not kind:
            raise
        try:
            original = kind(raised["message"].strip())
        except TypeError:  # it is made of other things than a message
            raise error from None
        raise original from error


def _class_called(name: str) -> type[Exception] | None:
    module, _, qualified = name.rpartition(".")
    found = getattr(sys.modules.get(module or "builtins"), qualified, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def prepare_sharding(trainer: Trainer, datamodule: CaptionDataModule) -> None:
    """Let `trainer.gradient_clip_val` hold for FSDP, too, and refuse what needs a whole network in each process."""
    if not is_sharded(trainer):
        return
    if datamodule.cache_features:
        raise ValueError(
            "data.cache_features=true needs the whole encoder in each process, of which trainer.strategy=fsdp leaves a "
            "part; set trainer.strategy=ddp, or data.cache_features=false"
        )
    if trainer.gradient_clip_val:
        lightning_internals.callbacks_of(trainer).append(ShardedClipping(trainer.gradient_clip_val))
        trainer.gradient_clip_val = None


def is_sharded(trainer: Trainer) -> bool:
    """Return whether each process holds a part of the weights only, so that none can run the network alone."""
    return isinstance(trainer.strategy, FSDPStrategy)
