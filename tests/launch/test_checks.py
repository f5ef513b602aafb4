"""Before the first step: what a run goes by will be logged, goes the right way, and is kept under a name of its own."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from launch.checks import (
    refuse_foreign_metrics,
    refuse_overwritten_checkpoints,
    refuse_small_share,
    refuse_two_starts,
    refuse_wrong_directions,
    why_never_validated,
)
from tests.tiny_parts import Parts
from tests.tiny_run import compose_train, run_tiny, scalars

STOP = "{_target_: pytorch_lightning.callbacks.EarlyStopping, mode: max, monitor: val/rouge_score/rougeL}"


@pytest.fixture
def _in_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launch.checks.in_sweep", lambda: True)


@pytest.mark.parametrize(
    ("settings", "saved"),
    [
        (["trainer.limit_val_batches=0"], "last.ckpt"),
        (["trainer.max_steps=1"], "last.ckpt"),
        (["trainer.max_epochs=0"], "none was saved"),
    ],
)
def test_a_run_without_validation_ends_well_and_names_what_it_saved(
    settings: list[str],
    saved: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = run_tiny(tmp_path / "run", f"+callbacks.stop={STOP}", *settings)
    assert run.metric is None
    assert "optimized_metric=val/nats/caption was not logged" in caplog.text
    assert f"{settings[0]} leaves no time for a validation" in caplog.text
    assert "(EarlyStopping by val/rouge_score/rougeL, ModelCheckpoint by val/nats/caption)" in caplog.text
    printed = capsys.readouterr().out
    assert "test, last weights" in printed
    assert saved in printed.partition("checkpoint:")[2].splitlines()[0]


def test_without_callbacks_nothing_but_losses_is_measured_and_no_checkpoint_kept(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", choices=["callbacks=none"])
    assert run.metric == pytest.approx(scalars(run.events)["val/nats/caption"][-1][1])
    assert not [*run.folder.rglob("*.ckpt")]
    measured = {name for name in scalars(run.events) if name.startswith("val/")}
    assert "val/loss" in measured
    assert all(name.startswith(("val/loss", "val/nats/", "val/contribution/")) for name in measured)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"callbacks.checkpoint.monitor": "val/rouge"},
            "callbacks.checkpoint.monitor=val/rouge is not logged; .*val/rouge_score/rougeL",
        ),
        (
            {"callbacks.stop": STOP.replace("rouge_score/rougeL", "BLEU-4")},
            "callbacks.stop.monitor=val/BLEU-4 is not logged",
        ),
        (
            {"callbacks.checkpoint.monitor": "rougeL"},
            "callbacks.checkpoint.monitor=rougeL is not logged; choose one of .*val/rouge_score/rougeL",
        ),
        ({"callbacks.checkpoint.monitor": "''"}, "callbacks.checkpoint.monitor= is not logged"),
        ({"callbacks.checkpoint.monitor": "train/los"}, "train/los is not logged; choose one of train/.*train/loss"),
    ],
)
def test_a_monitored_metric_that_is_not_logged_is_told_at_the_start(
    settings: dict[str, str], message: str, parts: Parts
) -> None:
    trainer = parts.trainer(settings)
    with pytest.raises(ValueError, match=message):
        trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert trainer.global_step <= 1


@pytest.mark.usefixtures("_in_sweep")
@pytest.mark.parametrize(
    "name", ["val/rouge_score/rougeL", "train/loss", "weight/beta", "test/rouge_score/rougeL", "val/loss"]
)
def test_metrics_of_every_stage_can_be_gone_by(name: str, parts: Parts) -> None:
    trainer = parts.trainer({"optimized_metric": name})
    trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert trainer.global_step == 2


@pytest.mark.usefixtures("_in_sweep")
def test_a_sweep_hears_at_once_of_a_metric_that_will_be_missing(parts: Parts) -> None:
    with pytest.raises(
        ValueError, match=r"optimized_metric=val/nats/caption will not be logged, for trainer.limit_val_batches=0"
    ):
        parts.trainer(limit_val_batches="0")
    with pytest.raises(ValueError, match=r"for trainer.max_steps=1 leaves no time for a validation"):
        parts.trainer(max_steps="1")
    trainer = parts.trainer({"optimized_metric": "val/CIDEr-D"})
    with pytest.raises(
        ValueError, match=r"optimized_metric=val/CIDEr-D is not logged; choose one of .*val/rouge_score/rougeL"
    ):
        trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert trainer.global_step == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"max_steps": "1"},
        {"max_steps": "2"},
        {"max_steps": "1", "accumulate_grad_batches": "2"},
        {"max_steps": "1", "val_check_interval": "0.5"},
        {"max_steps": "3", "max_epochs": "2", "check_val_every_n_epoch": "2"},
        {"max_steps": "4", "max_epochs": "2", "check_val_every_n_epoch": "2"},
        {"check_val_every_n_epoch": "2"},
        {"check_val_every_n_epoch": "2", "max_epochs": "2"},
        {"check_val_every_n_epoch": "null", "val_check_interval": "3"},
        {"check_val_every_n_epoch": "null", "val_check_interval": "3", "max_epochs": "2"},
        {"check_val_every_n_epoch": "null", "val_check_interval": "3", "max_epochs": "2", "max_steps": "2"},
        {"limit_train_batches": "1", "max_steps": "1"},
        {"limit_train_batches": "0"},
    ],
    ids=str,
)
def test_whether_there_is_a_validation_is_known_before(settings: dict[str, str], parts: Parts) -> None:
    trainer = parts.trainer(num_sanity_val_steps="0", **settings)
    foreseen = why_never_validated(trainer, parts.datamodule) is None
    trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert ("val/loss" in trainer.callback_metrics) == foreseen


@pytest.mark.parametrize(
    ("monitor", "mode", "right"),
    [
        ("val/loss", "max", "min"),
        ("val/nats/caption", "max", "min"),
        ("val/coco/CIDEr-D", "min", "max"),
        ("val/rouge_score/rougeL", None, "max"),  # Lightning's own default is min
        ("val/mBLEU-4", "max", "min"),
    ],
)
def test_the_worst_is_not_kept_for_the_best(monitor: str, mode: str | None, right: str) -> None:
    def config(**mode: str | None) -> object:
        return OmegaConf.create({"callbacks": {"keep": {"monitor": monitor, **mode}}, "optimized_metric": None})

    with pytest.raises(ValueError, match=rf"monitor={monitor} .*look for the worst; set callbacks.keep.mode={right}"):
        refuse_wrong_directions(config(**({"mode": mode} if mode else {})))  # type: ignore[arg-type]
    refuse_wrong_directions(config(mode=right))  # type: ignore[arg-type]


def test_several_checkpoints_have_names_of_their_own(parts: Parts) -> None:
    several = {"callbacks.checkpoint.save_top_k": "3"}
    with pytest.raises(
        ValueError, match=r"save_top_k=3 checkpoints cannot all be filename=best; set .*epoch_\{epoch\}"
    ):
        refuse_overwritten_checkpoints(parts.trainer(several))
    refuse_overwritten_checkpoints(parts.trainer({**several, "callbacks.checkpoint.filename": "epoch_{epoch}"}))
    refuse_overwritten_checkpoints(parts.trainer({"callbacks.checkpoint.save_top_k": "0"}))


def test_a_share_of_no_test_batch_is_refused_before_training(parts: Parts) -> None:
    with pytest.raises(ValueError, match=r"trainer.limit_test_batches=0.1 of 1 batches is none; .* at least 1.000"):
        refuse_small_share(parts.trainer(limit_test_batches="0.1"), parts.datamodule)
    refuse_small_share(parts.trainer(limit_test_batches="1.0"), parts.datamodule)


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_metrics_of_drawn_scenes_need_drawn_scenes(name: str) -> None:
    own = ["checkpoint=x"] if name == "evaluate" else []
    config = compose_train([*own, "data=flickr8k", "data.root=x", "metrics=shapes"], name=name)
    with pytest.raises(
        ValueError, match=r"metrics.caption_truth .* knows the images of another data set .*metrics=default"
    ):
        refuse_foreign_metrics(config)
    refuse_foreign_metrics(compose_train([*own, "data=flickr8k", "data.root=x"], name=name))
    refuse_foreign_metrics(compose_train([*own, "metrics=shapes"], name=name))


def test_weights_come_from_one_file() -> None:
    config = {"ckpt_path": "a.ckpt", "pretrained_model": "b.ckpt"}
    with pytest.raises(ValueError, match=r"ckpt_path=a.ckpt brings all weights, so that pretrained_model=b.ckpt would"):
        refuse_two_starts(OmegaConf.create(config))
    refuse_two_starts(OmegaConf.create({**config, "pretrained_model": None}))
