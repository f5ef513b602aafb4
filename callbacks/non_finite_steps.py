"""Stops training where the loss or a gradient is no finite number, or leaves such steps out."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as dist
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from callbacks.step_record import StepRecord, random_state, record_of, save_record
from datamodules.batch import CaptionBatch
from utils.require import require

log = logging.getLogger(__name__)

OF_ANOTHER = "the loss of another process is not finite, which says more and has saved its batch"
MOST_SAVED = 10  # files of a process; a run that leaves out more steps has shown what there is to see


class NonFiniteError(ValueError):
    """The loss or a gradient is NaN or infinite; the message names the step, the file with its batch and remedies."""


class NonFiniteSteps(Callback):
    """Looks at the loss and the gradients of each step before the optimizer does.

    The batch of a step that is not finite is saved with all that is needed to repeat it (see `StepRecord`). Where it is
    left out, parameters, the optimizer's state and the statistics of batch normalisation stay as they were; only the
    step is counted, and the learning rate goes on. All processes decide alike. With 16-bit floats gradients may
    overflow: that is the loss scaler's to handle, and only the loss is looked at.

    Args:
        dirpath: Folder for the batches; made when needed.
        on_non_finite: `error` to stop at once, `skip` to leave such steps out.
        max_consecutive: With `skip`, so many such steps in a row stop training all the same.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self, dirpath: str | Path, on_non_finite: Literal["error", "skip"] = "error", max_consecutive: int = 10
    ) -> None:
        require(
            on_non_finite in ("error", "skip"),
            "callbacks.non_finite.on_non_finite",
            "'error' or 'skip'",
            f"{on_non_finite!r}",
        )
        require(max_consecutive >= 1, "callbacks.non_finite.max_consecutive", "at least 1", max_consecutive)
        self.dirpath = Path(dirpath)
        self.skips = on_non_finite == "skip"
        self.max_consecutive = max_consecutive
        self.skipped = 0
        self.consecutive = 0
        self.num_saved = 0
        self._record: StepRecord | None = None
        self._buffers: list[Tensor] | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"skipped": self.skipped, "consecutive": self.consecutive}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.skipped, self.consecutive = state_dict["skipped"], state_dict["consecutive"]

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: CaptionBatch, batch_idx: int
    ) -> None:
        self._batch, self._batch_idx, self._random_state = batch, batch_idx, random_state(pl_module.device)
        if self.skips and self._buffers is None:  # the first of the batches that make up a step
            self._buffers = [buffer.clone() for buffer in pl_module.buffers()]

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._loss = loss.detach()
        if self._record is None and not self._loss.isfinite():
            self._record = self._describe(trainer, pl_module, bad_gradients=[])

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        record, self._record = self._record, None
        buffers, self._buffers = self._buffers, None
        bad_gradients = [] if record or scales_its_loss(trainer) else non_finite_gradients(pl_module)
        any_process = partial(trainer.strategy.reduce_boolean_decision, all=False)
        if not any_process(record is not None or bool(bad_gradients)):
            self.consecutive = 0
            return
        # a loss that is not finite on one process spoils the gradients of all: its batch alone is to blame
        if not any_process(record is not None):
            record = self._describe(trainer, pl_module, bad_gradients=bad_gradients)
        self.consecutive += 1
        stops = not self.skips or self.consecutive >= self.max_consecutive
        problem = self._save(record, pl_module if stops else None)
        if stops:
            raise NonFiniteError(f"{self._first_of_processes(problem)}; {self._advice()}")
        leave_out(pl_module, buffers or [])
        self.skipped += 1
        log.warning("step left out: %s", problem or OF_ANOTHER)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: CaptionBatch, batch_idx: int
    ) -> None:
        if self.skips:
            pl_module.log("train/skipped_steps", float(self.skipped), batch_size=1)

    @rank_zero_only
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.skipped:
            log.warning(
                "%d of %d steps were left out, for their loss or gradients were not finite; see %s",
                self.skipped, trainer.global_step, self.dirpath,
            )  # fmt: skip

    def _describe(self, trainer: Trainer, pl_module: LightningModule, bad_gradients: Sequence[str]) -> StepRecord:
        return record_of(
            trainer,
            pl_module,
            self._batch,
            batch_idx=self._batch_idx,
            loss=self._loss,
            bad_gradients=bad_gradients,
            random_state=self._random_state,
        )

    def _save(self, record: StepRecord | None, with_weights_of: LightningModule | None) -> str | None:
        """Save this process's batch, if it is to blame, and say what is wrong."""
        if record is None:
            return None
        if self.num_saved >= MOST_SAVED and with_weights_of is None:
            return f"{record.problem}; its batch is not saved, after {MOST_SAVED} others"
        self.num_saved += 1
        try:
            return f"{record.problem}; its batch is saved in {save_record(self.dirpath, record, with_weights_of)}"
        except OSError as error:  # the others would wait for this process
            return f"{record.problem}; its batch could not be saved ({error.strerror})"

    def _first_of_processes(self, problem: str | None) -> str:
        """Return what a process that is to blame says, on each: of processes that were forked only one is heard."""
        problems = [problem]
        if dist.is_initialized():
            problems = [None] * dist.get_world_size()
            dist.all_gather_object(problems, problem)
        return next((problem for problem in problems if problem is not None), OF_ANOTHER)

    def _advice(self) -> str:
        after = f"after {self.consecutive} such steps in a row, " if self.skips else ""
        remedy = f"{after}lower model.optimizer.lr or trainer.gradient_clip_val, or set trainer.precision=32-true"
        return remedy if self.skips else f"{remedy}; callbacks.non_finite.on_non_finite=skip leaves such steps out"


def scales_its_loss(trainer: Trainer) -> bool:
    """Return whether gradients may overflow by design, as with precision=16-mixed."""
    return getattr(trainer.precision_plugin, "scaler", None) is not None


def non_finite_gradients(module: torch.nn.Module) -> list[str]:
    """Return the names of the parameters whose gradients are not finite; quick where all are."""
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    if get_total_norm(gradients).isfinite():  # one that overflows only leads to the closer look
        return []
    named = [(name, parameter.grad) for name, parameter in module.named_parameters()]
    return [name for name, gradient in named if gradient is not None and not gradient.isfinite().all()]


@torch.no_grad()
def leave_out(module: torch.nn.Module, buffers: Sequence[Tensor]) -> None:
    """Undo a step before the optimizer's turn: no gradients, which every optimizer passes over, and earlier buffers."""
    for parameter in module.parameters():
        parameter.grad = None
    for buffer, before in zip(module.buffers(), buffers, strict=True):
        buffer.copy_(before)
