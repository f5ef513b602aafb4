"""A callback that writes down every loss to the last bit, and sends its process a signal where it is told to."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

AT, SIGNAL = "FACET_TEST_SIGNAL_AT", "FACET_TEST_SIGNAL"  # the number of the event, counted from 1; the signal's
TO_PARENT = "FACET_TEST_SIGNAL_TO_PARENT"  # rank 0 sends it to the process that has started it
LOSSES, END, EVENTS = "losses.txt", "end.json", "events.txt"


class Witness(Callback):
    """Writes the losses of one process, and at the end what the run has come to.

    Args:
        folder: Where to; each process has its own files.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.events = 0

    def happens(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Count an event, and send the signal if it is the one."""
        self.events += 1
        if str(self.events) != os.environ.get(AT):
            return
        if TO_PARENT not in os.environ:
            os.kill(os.getpid(), int(os.environ[SIGNAL]))
        elif trainer.is_global_zero:
            os.kill(os.getppid(), int(os.environ[SIGNAL]))

    on_train_batch_start = on_before_backward = on_before_zero_grad = happens
    on_validation_start = on_validation_batch_start = on_validation_batch_end = on_validation_end = happens
    on_train_epoch_start = on_train_epoch_end = on_save_checkpoint = happens
    on_test_batch_start = on_test_end = happens

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        with self._open(trainer, LOSSES) as file:
            ids = ",".join(map(str, batch.image_ids_B.tolist()))
            learning_rate = trainer.optimizers[0].param_groups[0]["lr"]
            loss = outputs["loss"].item()
            file.write(f"{trainer.global_step}/{batch_idx} {loss.hex()} {learning_rate.hex()} {ids}\n")
        self.happens(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        with self._open(trainer, EVENTS) as file:
            file.write(f"{self.events}\n")
        self.happens(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            self._path(trainer, END).write_text(json.dumps(_state(trainer, pl_module), sort_keys=True))

    def _path(self, trainer: Trainer, name: str) -> Path:
        return self.folder / f"{trainer.global_rank}-{name}"

    def _open(self, trainer: Trainer, name: str) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._path(trainer, name).open("a")


class StopAfter(Callback):
    """Stops training after a batch, in the middle of whatever it is in, as `trainer.max_time` does.

    Args:
        batch: Its number over all epochs, from 1.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        trainer.should_stop |= trainer.fit_loop.total_batch_idx + 1 >= self.batch


def _state(trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
    """Return what a run has come to, to the last bit."""
    moments = [state for optimizer in trainer.optimizers for state in optimizer.state_dict()["state"].values()]
    logged = {n: v.item().hex() for n, v in trainer.callback_metrics.items() if n.startswith("val/")}
    return {
        "step": trainer.global_step,
        "epoch": trainer.current_epoch,
        "weights": _checksum(pl_module.state_dict()),
        "moments": [_checksum(state) for state in moments],
        "schedulers": [config.scheduler.state_dict()["_last_lr"] for config in trainer.lr_scheduler_configs],
        "best": [str(getattr(callback, "best_model_score", None)) for callback in trainer.checkpoint_callbacks],
        "stopping": [[str(c.best_score), c.wait_count, c.stopped_epoch] for c in trainer.early_stopping_callbacks],
        "logged": logged,
    }


def _checksum(values: dict[str, Any]) -> str:
    checksum = hashlib.sha256()
    for name, value in values.items():
        tensor = torch.as_tensor(value)
        checksum.update(name.encode() + tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return checksum.hexdigest()
