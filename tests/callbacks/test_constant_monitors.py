"""A figure that checkpoints are chosen by: that it tells epochs apart in any script, and that it is said where not."""

import math
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from callbacks import ConstantMonitors
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import run_tiny, scalars


def test_the_best_checkpoint_of_russian_captions_is_that_of_the_highest_rouge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    root = TinyFlickr8k(tmp_path / "flickr8k", "Красный круг номер {n} [/b] на сером фоне , вид {i} .").root
    settings = [f"data.root={root}", "trainer.max_epochs=4", "test=false", "model.optimizer.lr=0.02"]
    parts = ["model/latents=gaussian", "model/combiner=mult", "model/attention=luong", "model/loss=vae"]
    choices = ["data=flickr8k", "model/monitor=rouge", "model/scheduler=constant", *parts]
    run = run_tiny(tmp_path / "run", *settings, choices=choices)
    rouge = [value for _, value in scalars(run.events)["val/rouge_score/rougeL"]][:4]
    best = torch.load(run.best, weights_only=True)["epoch"]
    assert rouge[best] == max(rouge) > rouge[0]
    assert "by which ModelCheckpoint chooses" not in caplog.text
    assert "human: Красный круг номер 8 [/b] на сером фоне , вид 0 ." in capsys.readouterr().out  # no markup of a table


DIFFERENT = count(1.0)


def _validate(watch: ConstantMonitors, values: Sequence[float], **changes: Any) -> None:
    """Let a callback hear of validations with these values of `val/a`, as of a run that has begun already."""
    monitors = [ModelCheckpoint(monitor="val/a"), ModelCheckpoint(), EarlyStopping("val/b"), watch]
    usual = {
        "callbacks": monitors,
        "state": SimpleNamespace(fn="fit"),
        "sanity_checking": False,
        "is_global_zero": True,
    }
    trainer: Any = SimpleNamespace(**(usual | changes))
    for value in values:
        trainer.callback_metrics = {"val/a": torch.tensor(value), "val/b": torch.tensor(next(DIFFERENT))}
        watch.on_validation_end(trainer, None)  # type: ignore[arg-type]
    watch.on_train_end(trainer, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.0], ["was 0 in every validation so far (1)"]),
        ([0.5], []),
        ([0.5, 0.5], ["was 0.5 in every validation so far (2)"]),
        ([0.0, 0.0, 0.0], ["was 0 in every validation so far (2)", "was 0 in every validation so far (3)"]),
        ([0.5, 0.5, 0.6, 0.5], ["was 0.5 in every validation so far (2)"]),
        ([math.nan, math.nan], ["was nan in every validation so far (2)"]),
        ([0.0, 0.1, 0.0], []),
    ],
)
def test_a_constant_figure_is_reported(values: list[float], said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    _validate(ConstantMonitors(), values)
    messages = [message for message in caplog.messages if message.startswith("val/a, by which ModelCheckpoint chooses")]
    assert len(messages) == len(caplog.messages) == len(said)
    assert all(part in message for part, message in zip(said, messages, strict=True))


def test_a_run_that_goes_on_remembers(caplog: pytest.LogCaptureFixture) -> None:
    first, second = ConstantMonitors(), ConstantMonitors()
    _validate(first, [0.5])
    second.load_state_dict(first.state_dict())
    _validate(second, [0.5])
    assert [message.split(":")[0] for message in caplog.messages] == [
        "val/a, by which ModelCheckpoint chooses, was 0.5 in every validation so far (2)"
    ]


@pytest.mark.parametrize("changes", [{"sanity_checking": True}, {"state": SimpleNamespace(fn="test")}])
def test_what_is_no_validation_does_not_count(changes: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    _validate(ConstantMonitors(), [0.0, 0.0, 0.0], **changes)
    assert caplog.messages == []
