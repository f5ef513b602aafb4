"""All that is needed to look into one training step, or to repeat it, in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities import move_data_to_device
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule
from utils.files import atomic_open


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One batch on one process, and what became of it.

    Attributes:
        step: Optimizer steps before this one.
        epoch: From 0.
        batch_idx: Number of the batch in the epoch, from 0.
        rank: The process.
        loss: What was to be minimised; with gradient accumulation its share.
        terms: What was logged of the loss: every term in nats, as a contribution, and its weight.
        bad_gradients: Names of the parameters whose gradients are not finite; none where the loss was not.
        image_names: What files of captions call each image; its number where the data is not known.
        captions: The token ids as text; none for a module without a tokenizer.
        learning_rates: Of each group of parameters.
        precision: Of the trainer.
        random_state: PyTorch's, before the step: `cpu`, and `cuda` on a GPU.
        batch: The fields of `CaptionBatch`, on the CPU.
    """

    step: int
    epoch: int
    batch_idx: int
    rank: int
    loss: Tensor
    terms: Mapping[str, Tensor]
    bad_gradients: Sequence[str]
    image_names: Sequence[str | int]
    captions: Sequence[str]
    learning_rates: Sequence[float]
    precision: str
    random_state: Mapping[str, Tensor]
    batch: Mapping[str, Any]

    @property
    def problem(self) -> str:
        """What is wrong, in a line."""
        where = f"step {self.step} (epoch {self.epoch}, batch {self.batch_idx})"
        if self.bad_gradients:
            first = self.bad_gradients[0]
            return f"{where}: {len(self.bad_gradients)} parameters have a gradient that is not finite, such as {first}"
        wrong = [f"{name}={value.item():g}" for name, value in self.terms.items() if not value.isfinite()]
        return f"{where}: expected a finite loss, got {self.loss.item():g} ({', '.join(wrong) or 'all terms finite'})"


def record_of(
    trainer: Trainer,
    module: LightningModule,
    batch: CaptionBatch,
    *,
    batch_idx: int,
    loss: Tensor,
    bad_gradients: Sequence[str],
    random_state: Mapping[str, Tensor],
) -> StepRecord:
    """Describe the step that a trainer is in."""
    logged = trainer.callback_metrics
    return StepRecord(
        step=trainer.global_step,
        epoch=trainer.current_epoch,
        batch_idx=batch_idx,
        rank=trainer.global_rank,
        loss=loss.cpu(),
        terms={name: logged[name].cpu() for name in logged if name.startswith(("train/", "weight/"))},
        bad_gradients=bad_gradients,
        image_names=_names(trainer, batch.image_ids_B.tolist()),
        captions=module.tokenizer.decode_batch(batch.tokens_NL) if isinstance(module, CaptioningModule) else [],
        learning_rates=[float(group["lr"]) for optimizer in trainer.optimizers for group in optimizer.param_groups],
        precision=str(trainer.precision),
        random_state=random_state,
        batch=move_data_to_device(batch, torch.device("cpu"))._asdict(),
    )


def save_record(folder: Path, record: StepRecord, with_weights_of: LightningModule | None) -> Path:
    """Write a record, and the weights that the step began with, for `torch.load(…, weights_only=True)`."""
    content = asdict(record)
    if with_weights_of is not None:
        content["weights"] = {name: tensor.cpu() for name, tensor in with_weights_of.state_dict().items()}
    path = folder / f"step{record.step:08d}-rank{record.rank}.pt"
    with atomic_open(path, "wb") as file:
        torch.save(content, file)
    return path


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of PyTorch's generators, of the CPU and of a GPU in use."""
    state = {"cpu": torch.get_rng_state()}
    return state | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def _names(trainer: Trainer, image_ids: Sequence[int]) -> list[str | int]:
    datamodule = getattr(trainer, "datamodule", None)
    if datamodule is None:
        return list(image_ids)
    split = datamodule.splits["train"]
    name_of_id = dict(zip(split.image_ids, split.image_names, strict=True))
    return [name_of_id[image_id] for image_id in image_ids]
