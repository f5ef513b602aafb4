"""All that this project takes of Lightning beyond its public interface: each thing once, by what it is for.

Exact resuming hangs on it. `tests/utils/test_lightning_internals.py` names what a new version of Lightning has moved.
"""

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher, _SubprocessScriptLauncher
from torch.optim import Optimizer
from torch.utils.data._utils import signal_handling


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Return the trainer's callbacks, to look at and to add to."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined] # set by its connector
    return callbacks


def is_trial(trainer: Trainer) -> bool:
    """Return whether the run is `fast_dev_run`, which saves nothing."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def starts_scripts(trainer: Trainer) -> bool:
    """Return whether the trainer starts its other processes by running the script again."""
    return isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher)


def launcher_of_forks(trainer: Trainer) -> _MultiProcessingLauncher | None:
    """Return what starts the other processes as forks, or spawns them; its `procs` are those. None without any."""
    launcher = trainer.strategy.launcher
    return launcher if isinstance(launcher, _MultiProcessingLauncher) else None


def expect_unused_parameters(strategy: DDPStrategy) -> None:
    """Let DDP find out which parameters a training step leaves without a gradient, unless it was told otherwise."""
    strategy._ddp_kwargs.setdefault("find_unused_parameters", True)


def is_end_of_epoch(trainer: Trainer) -> bool:
    """Return whether no training batch of the epoch is left."""
    return trainer.fit_loop.epoch_loop._num_ready_batches_reached()


def is_validated_next(trainer: Trainer) -> bool:
    """Return whether a validation follows the training batch."""
    fetcher = trainer.fit_loop._data_fetcher
    assert fetcher is not None
    return trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)


def is_accumulating(trainer: Trainer) -> bool:
    """Return whether the training batch is one of several of an optimizer step, and not the last."""
    return trainer.fit_loop._should_accumulate()


def may_stop_early(trainer: Trainer) -> bool:
    """Return whether the least numbers of epochs and steps have been reached."""
    return trainer.fit_loop._can_stop_early


def restore_loader_place(trainer: Trainer) -> None:
    """Bring the training loader to its place of the checkpoint once more."""
    trainer.fit_loop._load_combined_loader_states()


def figures_step(trainer: Trainer) -> int:
    """Return the step that a validation's or a test's figures are logged at."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def count_figures_step(trainer: Trainer) -> None:
    """Count one step more that figures are logged at."""
    trainer.fit_loop.epoch_loop._batches_that_stepped += 1


def restart_no_more(trainer: Trainer) -> None:
    """Let the loops go on as if no checkpoint had been loaded."""
    loop = trainer.fit_loop
    loop._restarting = False  # its setter would say True
    loop.epoch_loop.restarting = False
    loop.reset_restart_stage()
    loop.epoch_loop.reset_restart_stage()


def check_after_validation(stopping: EarlyStopping) -> None:
    """Let early stopping look at its score right after each validation, and not at the end of an epoch."""
    stopping._check_on_train_epoch_end = False


def counts_versions(checkpoint: ModelCheckpoint) -> bool:
    """Return whether files of one name get numbers."""
    return checkpoint._enable_version_counter


def validates_by_time(trainer: Trainer) -> bool:
    """Return whether validations come after spans of time."""
    return trainer._val_check_time_interval is not None  # type: ignore[attr-defined]


def take_clipped_gradients(optimizer: Optimizer) -> None:
    """Let Lightning clip the gradients of a fused optimizer under mixed precision, which it else refuses.

    A fused optimizer could take gradients that a loss scaler has scaled up, which must not be clipped; from now on the
    scaler scales them down before.
    """
    if getattr(optimizer, "_step_supports_amp_scaling", False):
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]


def keep_naming_killed_workers() -> None:
    """Let PyTorch tell by which signal a process that loads images was killed: in later runs of this process, too.

    PyTorch sets its handler once, for the first loader with such processes; at the end of a run Lightning puts those
    handlers back that were there at its start. It is to be called before the first run.
    """
    signal_handling._set_SIGCHLD_handler()


def hide_no_more(logger: TensorBoardLogger) -> None:
    """Let event files that are opened from now on hide no points of earlier ones."""
    logger._kwargs["purge_step"] = None
