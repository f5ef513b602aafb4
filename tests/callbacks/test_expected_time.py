from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import ExpectedTime
from callbacks.expected_time import batches_left
from utils.display import duration


def _trainer(**settings: Any) -> Any:
    known = {"max_epochs": 5, "max_steps": -1, "current_epoch": 0, "num_training_batches": 100, "global_step": 0}
    return SimpleNamespace(**{**known, "accumulate_grad_batches": 1, "is_global_zero": True, **settings})


def test_what_is_left_follows_from_epochs_and_steps() -> None:
    assert batches_left(_trainer(), 9) == 490
    assert batches_left(_trainer(current_epoch=4), 99) == 0
    assert batches_left(_trainer(max_steps=30, global_step=10, accumulate_grad_batches=2), 19) == 40
    assert batches_left(_trainer(max_epochs=-1), 9) is None


def test_times_are_told_after_some_steps_and_each_epoch_but_the_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    timer, trainer, module = ExpectedTime(num_steps=4), _trainer(max_epochs=2, num_training_batches=10), Any
    timer.on_train_start(trainer, module)  # type: ignore[arg-type]
    for trainer.current_epoch in range(2):
        timer.on_train_epoch_start(trainer, module)  # type: ignore[arg-type]
        for batch in range(10):
            now += 60.0 if now == 0 else 3.0  # the first takes longer
            timer.on_train_batch_end(trainer, module, None, None, batch)  # type: ignore[arg-type]
        timer.on_train_epoch_end(trainer, module)  # type: ignore[arg-type]
    assert capsys.readouterr().out.split("\n") == [
        "about 45 s of training to go, 3.00 s a step; validations aside",
        "epoch 1 took 87 s, its validation included; about 87 s to go",
        "",
        "",
    ]


def test_times_are_told_as_one_would_say_them() -> None:
    assert [duration(seconds) for seconds in (0.4, 99, 130, 5000, 90_000)] == [
        "0 s",
        "99 s",
        "2 min",
        "1 h 23 min",
        "25 h 0 min",
    ]


def test_no_steps_measure_nothing() -> None:
    with pytest.raises(ValueError, match="num_steps must be at least 1, got 0"):
        ExpectedTime(num_steps=0)
