import pickle
from pathlib import Path

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from callbacks import MovingAverage


class Line(LightningModule):
    """Learns y = w x with a frozen weight beside it, and remembers w after each step and at each evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3]))
        self.frozen = nn.Parameter(torch.randn(1000), requires_grad=False)
        self.seen: list[float] = []
        self.evaluated: list[float] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return (self.w * batch - 2 * batch).square().mean()

    def on_train_batch_end(self, *args: object) -> None:
        self.seen.append(self.w.item())

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.evaluated.append(self.w.item())

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([self.w], lr=0.1)


def test_the_model_ends_as_the_average_of_its_steps_and_keeps_what_is_frozen() -> None:
    model = Line()
    frozen = model.frozen.clone()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[MovingAverage(decay=0.2)],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches = DataLoader(torch.rand(6, 1), batch_size=2)
    trainer.fit(model, batches, batches)
    average = model.seen[0]
    for step, weight in enumerate(model.seen[1:], start=1):
        decay = min(0.2, (1 + step) / (10 + step))  # 0.18, then 0.2
        average = decay * average + (1 - decay) * weight
    assert len(model.seen) == 6
    assert model.w.item() == pytest.approx(average)
    assert abs(model.w.item() - model.seen[-1]) > 1e-3
    assert torch.equal(model.frozen, frozen)


def _trainer(folder: Path, epochs: int) -> Trainer:
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[MovingAverage(decay=0.6), ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)],
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.fixture
def batches() -> DataLoader[Tensor]:
    return DataLoader(torch.rand(6, 1), batch_size=2)


def test_outside_of_training_the_weights_are_those_of_the_checkpoint(
    tmp_path: Path, batches: DataLoader[Tensor]
) -> None:
    model, trainer = Line(), _trainer(tmp_path, epochs=3)
    trainer.fit(model, batches, DataLoader(torch.rand(1, 1)))
    first, last = (tmp_path / f"epoch={epoch}.ckpt" for epoch in (0, 2))
    kept = [torch.load(path, weights_only=True)["state_dict"]["w"].item() for path in (first, last)]
    assert (model.evaluated[0], model.evaluated[2], model.w.item()) == (*kept, kept[1])
    for evaluate in (trainer.validate, trainer.test):
        for path, expected in ((first, kept[0]), (last, kept[1])):
            model.evaluated.clear()
            evaluate(model, DataLoader(torch.rand(1, 1)), ckpt_path=path, weights_only=True, verbose=False)
            assert model.evaluated == [expected]
            assert model.w.item() == expected


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_run_that_goes_on_averages_as_it_would_have(tmp_path: Path, batches: DataLoader[Tensor]) -> None:
    """The share that a step adds depends on how many there were before."""
    whole, broken_off, resumed = Line(), Line(), Line()
    _trainer(tmp_path / "whole", epochs=3).fit(whole, batches, batches)
    _trainer(tmp_path / "first", epochs=1).fit(broken_off, batches, batches)
    checkpoint = tmp_path / "first" / "epoch=0.ckpt"
    _trainer(tmp_path / "second", epochs=3).fit(resumed, batches, batches, ckpt_path=checkpoint, weights_only=True)
    assert resumed.w.item() == whole.w.item()


@pytest.mark.parametrize("steps", [90, 780])
def test_the_start_is_soon_forgotten(steps: int) -> None:
    """Of a short run the average is not mostly the weights after its first step, which are nearly random."""
    start, later = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(start.weight)
    nn.init.ones_(later.weight)
    average = AveragedModel(start, **MovingAverage(decay=0.999)._kwargs)
    average.update_parameters(start)
    for _ in range(steps - 1):
        average.update_parameters(later)
    assert average.module.weight.item() == pytest.approx(1, abs=1e-6)


def test_can_be_sent_to_other_processes() -> None:
    pickle.loads(pickle.dumps(MovingAverage(decay=0.5)))


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_refuses_a_decay_out_of_range(decay: float) -> None:
    with pytest.raises(ValueError, match=f"moving_average.decay must be from 0 to below 1, got {decay}"):
        MovingAverage(decay=decay)
