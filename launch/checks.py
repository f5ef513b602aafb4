"""What a run goes by, looked at before its first step: metrics that are monitored or optimized, files that are kept."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_only

from datamodules.caption_datamodule import CaptionDataModule
from launch.setting_types import refuse_wrong_settings
from lightning_modules import FacetModule
from utils.errors import in_sweep
from utils.lightning_internals import callbacks_of, counts_versions, is_trial, validates_by_time

log = logging.getLogger(__name__)

LOWER_IS_BETTER = re.compile(r"\w+/(loss|nats/.*|contribution/.*|missing_images|skipped_steps|.*mBLEU.*)")
HIGHER_IS_BETTER = re.compile(
    r"\w+/(coco/|rouge_score/|mean/|min/|oracle/|A/oracle|PSNR|SSIM|caption_|drawing_|reconstruction_|reward).*"
)
AT_END_OF_EPOCH = ("train/missing_images", "val/missing_images", "test/missing_images")


def check_settings(config: DictConfig) -> None:
    """Refuse what the settings alone show to be wrong, before anything is built.

    Raises:
        ValueError: A setting has another type or name than expected, or contradicts another.
    """
    refuse_wrong_settings(config)
    refuse_wrong_directions(config)
    refuse_foreign_metrics(config)


def check_run(trainer: Trainer, datamodule: CaptionDataModule, module: FacetModule) -> None:
    """Refuse what would fail, or come to nothing, after hours of training.

    Raises:
        ValueError: A setting does not fit the data, the model or the trainer.
    """
    refuse_overwritten_checkpoints(trainer)
    refuse_small_share(trainer, datamodule)
    module.check_run(trainer)


def refuse_wrong_directions(config: DictConfig) -> None:
    """Refuse to keep, to stop at or to search for the worst where the metric's name says which way is better.

    Raises:
        ValueError: A mode or a direction is the wrong one.
    """
    goals = [
        (f"callbacks.{name}.monitor", callback.monitor, f"callbacks.{name}.mode", callback.get("mode", "min"))
        for name, callback in config.callbacks.items()
        if callback.get("monitor") is not None
    ]
    direction = getattr(HydraConfig.get().sweeper, "direction", None) if in_sweep() else None
    if isinstance(direction, str) and config.optimized_metric:
        goals.append(("optimized_metric", config.optimized_metric, "hydra.sweeper.direction", direction))
    for metric_setting, metric, mode_setting, mode in goals:
        for wrong, right, names in (("max", "min", LOWER_IS_BETTER), ("min", "max", HIGHER_IS_BETTER)):
            if mode.startswith(wrong) and names.fullmatch(metric):
                raise ValueError(
                    f"{metric_setting}={metric} with {mode_setting}={mode} would look for the worst; "
                    f"set {mode_setting}={mode.replace(wrong, right)}"
                )


def refuse_two_starts(config: DictConfig) -> None:
    """Refuse a model to start from beside a checkpoint to go on from, which brings all weights.

    Raises:
        ValueError: Both are named.
    """
    if config.ckpt_path is not None and config.pretrained_model is not None:
        raise ValueError(
            f"ckpt_path={config.ckpt_path} brings all weights, so that pretrained_model={config.pretrained_model} "
            f"would have no effect; set one of them to null"
        )


def refuse_foreign_metrics(config: DictConfig) -> None:
    """Refuse metrics that know one data set, such as the drawn scenes, with another one, of which they know nothing.

    Raises:
        ValueError: A metric of a package in `datamodules` is chosen with data that are not of that package.
    """
    packages = {kind.__module__.rpartition(".")[0] for kind in get_class(config.data._target_).__mro__}
    for name, metric in config.metrics.items():
        package = metric._target_.rpartition(".")[0]
        if package.startswith("datamodules.") and package not in packages:
            raise ValueError(
                f"metrics.{name} ({metric._target_}) knows the images of another data set than {config.data._target_}; "
                f"leave it out with metrics=default or ~metrics.{name}"
            )


def refuse_overwritten_checkpoints(trainer: Trainer) -> None:
    """Refuse several checkpoints under one name, of which the latest would pass for the best.

    Raises:
        ValueError: A callback keeps more than one, and its `filename` is the same for all.
    """
    for callback in trainer.checkpoint_callbacks:
        if not isinstance(callback, ModelCheckpoint) or callback.save_top_k in (0, 1):
            continue
        if callback.filename and "{" not in callback.filename and not counts_versions(callback):
            raise ValueError(
                f"save_top_k={callback.save_top_k} checkpoints cannot all be filename={callback.filename}; set "
                f"callbacks.checkpoint.filename='epoch_{{epoch}}'"
            )


def refuse_small_share(trainer: Trainer, datamodule: CaptionDataModule) -> None:
    """Refuse a share of the test batches that is none, which Lightning would find out after training.

    Raises:
        ValueError: It is.
    """
    share, images = trainer.limit_test_batches, len(datamodule.splits["test"].image_ids)
    batches = -(-images // (datamodule.batch_size * trainer.world_size))
    if isinstance(share, float) and 0 < share * batches < 1:
        raise ValueError(
            f"trainer.limit_test_batches={share} of {batches} batches is none; set a whole number of batches, or at "
            f"least {1 / batches:.3f}"
        )


def prepare_goals(trainer: Trainer, datamodule: CaptionDataModule, config: DictConfig) -> None:
    """Let a run fail at its start where a metric that it goes by will not be logged.

    Where there is no validation to go by at all, callbacks that would, do nothing, and that is said.

    Raises:
        ValueError: It is a job of a sweep, and will not log what the sweep compares its jobs by.
    """
    goals = {
        f"callbacks.{name}.monitor": str(callback.monitor)
        for name, callback in config.callbacks.items()
        if callback.get("monitor") is not None and callback.get("strict", True)
    }
    if in_sweep() and config.optimized_metric is not None:
        goals["optimized_metric"] = config.optimized_metric
    reason = None if config.ckpt_path else why_never_validated(trainer, datamodule)
    if reason is None:
        callbacks_of(trainer).append(GoalCheck(goals))
        return
    if goals.get("optimized_metric", "").startswith("val/"):
        raise ValueError(
            f"optimized_metric={config.optimized_metric} will not be logged, for {reason} leaves no time for a "
            f"validation; change that, or set optimized_metric=train/loss"
        )
    leave_out_validation(trainer, reason)


def leave_out_validation(trainer: Trainer, reason: str) -> None:
    """Let callbacks that go by validation do nothing, where Lightning would let some of them fail."""
    waiting = [part for part in callbacks_of(trainer) if str(getattr(part, "monitor", "")).startswith("val/")]
    for callback in waiting:
        if isinstance(callback, ModelCheckpoint):
            callback.save_top_k = 0
        if isinstance(callback, EarlyStopping):
            callback.strict = False
    if waiting and trainer.is_global_zero:
        names = ", ".join(f"{type(callback).__name__} by {getattr(callback, 'monitor', None)}" for callback in waiting)
        log.warning("%s leaves no time for a validation: what goes by it does nothing (%s)", reason, names)


def why_never_validated(trainer: Trainer, datamodule: CaptionDataModule) -> str | None:
    """Return the settings for which a new run ends before its first validation; None where there may be one."""
    for name in ("limit_val_batches", "limit_train_batches", "max_epochs", "max_steps"):
        if getattr(trainer, name) == 0:
            return f"trainer.{name}=0"
    if is_trial(trainer) or validates_by_time(trainer):
        return None
    batches = training_batches(trainer, datamodule)
    interval, every = trainer.val_check_interval, trainer.check_val_every_n_epoch
    in_epoch = interval if isinstance(interval, int) else max(1, int(batches * interval))
    first = in_epoch if every is None else (every - 1) * batches + in_epoch  # the batch after which it is
    epochs_before, batches_before = divmod(first - 1, batches)
    steps = -(-batches // trainer.accumulate_grad_batches)  # of an epoch
    steps_before = epochs_before * steps + batches_before // trainer.accumulate_grad_batches
    if trainer.max_epochs not in (-1, None) and trainer.max_epochs <= epochs_before:
        return f"trainer.max_epochs={trainer.max_epochs}"
    if trainer.max_steps != -1 and trainer.max_steps <= steps_before:
        return f"trainer.max_steps={trainer.max_steps}"
    return None


def training_batches(trainer: Trainer, datamodule: CaptionDataModule) -> int:
    """Return how many training batches an epoch has on each process."""
    there = datamodule.num_training_batches(trainer.world_size)
    limit = trainer.limit_train_batches
    return max(1, min(there, limit) if isinstance(limit, int) else int(there * limit))


class GoalCheck(Callback):
    """Looks for the metrics that a run goes by among those that it logs, as soon as it has logged some.

    Those of validation are there in Lightning's check before training, those of training after its first batch.

    Args:
        goals: Names of metrics by the settings that name them.
    """

    def __init__(self, goals: Mapping[str, str]) -> None:
        self.goals = goals
        self._looked_at_training = False

    def on_sanity_check_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logged = {name for name in trainer.callback_metrics if name.startswith("val/")}
        if logged:  # not if none of the images could be read
            logged |= {name.replace("val/", "test/", 1) for name in logged}
            self._refuse(
                {s: n for s, n in self.goals.items() if not n.startswith(("train/", "weight/", "lr-"))}, logged
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self._looked_at_training:
            self._looked_at_training = True
            of_training = {s: n for s, n in self.goals.items() if n.startswith(("train/", "weight/"))}
            self._refuse(of_training, {*trainer.callback_metrics})

    def _refuse(self, goals: Mapping[str, str], logged: set[str]) -> None:
        for setting, name in goals.items():
            if name not in logged and name not in AT_END_OF_EPOCH:
                stage = name.partition("/")[0]
                similar = sorted(other for other in logged if other.startswith(f"{stage}/")) or sorted(logged)
                raise ValueError(f"{setting}={name} is not logged; choose one of {', '.join(similar)}")


@rank_zero_only
def tell_missing_metric(name: str) -> None:
    """Say that a run has no figure to return, which is no fault where nobody waits for it."""
    log.warning("optimized_metric=%s was not logged, so that there is no figure to return", name)
