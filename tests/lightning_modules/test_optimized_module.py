"""Runs that go on from a checkpoint under other settings of the optimizer and the learning rate."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from lightning_modules.optimized_module import follow
from lightning_modules.schedules import WarmupCosine
from tests.tiny_run import run_tiny, scalars

RATE = 2.0
SCHEDULES = ["constant", "one_cycle", "warmup_cosine"]


def _scheduler(schedule: str, optimizer: torch.optim.Optimizer, total_steps: int) -> list[LRScheduler]:
    rate = optimizer.param_groups[0]["lr"]
    return {
        "constant": lambda: [],
        "one_cycle": lambda: [OneCycleLR(optimizer, max_lr=rate, total_steps=total_steps, cycle_momentum=False)],
        "warmup_cosine": lambda: [WarmupCosine(optimizer, total_steps=total_steps)],
    }[schedule]()


class Run:
    """An optimizer of one parameter with its schedule, and the rates of its steps."""

    def __init__(self, schedule: str, total_steps: int, rate: float = RATE) -> None:
        self.optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=rate)
        self.schedulers = _scheduler(schedule, self.optimizer, total_steps)
        self.given = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        self.rates: list[float] = []

    def go(self, steps: int) -> "Run":
        for _ in range(steps):
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            self.optimizer.step()
            for scheduler in self.schedulers:
                scheduler.step()
        return self

    def go_on_from(self, before: "Run", steps: int) -> list[float]:
        self.optimizer.load_state_dict(before.optimizer.state_dict())
        if [type(s) for s in self.schedulers] == [type(s) for s in before.schedulers]:
            for ours, theirs in zip(self.schedulers, before.schedulers, strict=True):
                ours.load_state_dict(theirs.state_dict())
        follow(self.given, self.optimizer, self.schedulers, len(before.rates))
        return self.go(steps).rates


@pytest.mark.parametrize(("begun", "continued"), [*itertools.product(SCHEDULES, SCHEDULES)])
def test_each_step_has_the_rate_of_the_settings_of_now(begun: str, continued: str) -> None:
    total = 6 if begun == continued == "one_cycle" else 12  # it cannot be prolonged
    whole = Run(continued, total, rate=0.5).go(total).rates
    before = Run(begun, 6).go(5 if total == 6 else 6)
    assert Run(continued, total, rate=0.5).go_on_from(before, total - len(before.rates)) == whole[len(before.rates) :]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nothing_changes_under_the_same_settings(schedule: str) -> None:
    whole = Run(schedule, 9).go(9)
    for steps in range(9):
        assert Run(schedule, 9).go_on_from(Run(schedule, 9).go(steps), 9 - steps) == whole.rates[steps:]


def test_other_settings_of_the_optimizer_count_too() -> None:
    weight = nn.Parameter(torch.zeros(1))
    before, now = Adam([weight], lr=0.1), AdamW([weight], lr=0.2, weight_decay=0.3, betas=(0.8, 0.9))
    given = [{k: v for k, v in group.items() if k != "params"} for group in now.param_groups]
    now.load_state_dict(before.state_dict())
    follow(given, now, [], 4)
    group = now.param_groups[0]
    assert (group["lr"], group["weight_decay"], group["betas"]) == (0.2, 0.3, (0.8, 0.9))
    assert group.get("decoupled_weight_decay", True)


def test_a_fused_optimizer_goes_on_from_the_steps_of_another() -> None:
    weight = nn.Parameter(torch.zeros(1, device="meta"))
    optimizer = Adam([weight])
    optimizer.state[weight] = {"step": torch.tensor(3.0)}  # on the CPU, wherever the weight is
    follow([{"lr": 0.1, "fused": True}], optimizer, [], 3)
    assert optimizer.state[weight]["step"].device == weight.device


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_prolonged_run_with_another_schedule_and_rate(tmp_path: Path) -> None:
    quick = ["test=false", "optimized_metric=null"]
    begun = run_tiny(tmp_path / "begun", *quick)
    last, again = f"ckpt_path={begun.folder}/checkpoints/last.ckpt", ["trainer.max_epochs=2", "model.optimizer.lr=0.01"]
    for schedule, expected in ("constant", [0.01, 0.01]), ("warmup_cosine", [0.0075, 0.0025]):
        run = run_tiny(tmp_path / schedule, *quick, last, *again, choices=[f"model/scheduler={schedule}"])
        assert [rate for _, rate in scalars(run.events)["lr-Muon"]] == pytest.approx(expected)
