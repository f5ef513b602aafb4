from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks import NonFiniteSteps
from callbacks.non_finite_steps import MOST_SAVED, non_finite_gradients
from datamodules.batch import CaptionBatch
from tests.faults.poison import Poison
from tests.tiny_run import build_tiny, run_tiny, scalars


class Watch(Callback):
    """Keeps all that a step may change, as it is after each batch."""

    def __init__(self) -> None:
        self.states: list[list[Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        (optimizer,) = trainer.optimizers
        moments = [value for state in optimizer.state.values() for value in state.values()]
        self.states.append([torch.as_tensor(value).clone() for value in (*pl_module.state_dict().values(), *moments)])


def _poison(batches: Sequence[int], what: str = "loss") -> list[str]:
    return [
        "+callbacks.poison._target_=tests.faults.poison.Poison",
        f"+callbacks.poison.batches={[*batches]}",
        f"+callbacks.poison.what={what}",
    ]


def _alike(left: Sequence[Tensor], right: Sequence[Tensor]) -> bool:
    return len(left) == len(right) and all(map(torch.equal, left, right))


def _fit(tmp_path: Path, guard: NonFiniteSteps, poison: Poison, *settings: str, **trainer: Any) -> Watch:
    captioner, datamodule = build_tiny(tmp_path / "run", "data.batch_size=2", *settings)
    watch = Watch()
    pl_trainer = Trainer(
        accelerator="cpu",
        callbacks=[guard, poison, watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=1,
        limit_val_batches=0,
        gradient_clip_val=1.0,
        **trainer,
    )
    pl_trainer.fit(captioner, datamodule=datamodule)
    return watch


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_that_is_left_out_changes_nothing_and_the_next_one_does(tmp_path: Path, what: str) -> None:
    guard = NonFiniteSteps(tmp_path / "bad", on_non_finite="skip")
    states = _fit(tmp_path, guard, Poison([1, 2], what)).states
    assert len(states) == 4
    assert _alike(states[0], states[1])
    assert _alike(states[1], states[2])
    assert not _alike(states[2], states[3])
    assert all(bool(tensor.isfinite().all()) for tensor in states[3])
    assert guard.skipped == 2
    assert guard.consecutive == 0
    assert sorted(path.name for path in guard.dirpath.iterdir()) == [f"step0000000{i}-rank0.pt" for i in (1, 2)]


def test_a_spoilt_batch_spoils_the_whole_step_that_it_is_a_part_of(tmp_path: Path) -> None:
    guard = NonFiniteSteps(tmp_path / "bad", on_non_finite="skip")
    states = _fit(tmp_path, guard, Poison([0]), accumulate_grad_batches=2).states
    assert not _alike(states[2], states[3])
    assert guard.skipped == 1
    captioner, _ = build_tiny(tmp_path / "run")
    names = [*captioner.state_dict()]
    fresh = [*captioner.state_dict().values()]
    trained = [value for name, value in zip(names, states[1], strict=False) if "running" in name]
    assert _alike(trained, [value for name, value in zip(names, fresh, strict=True) if "running" in name])


def test_the_run_stops_in_one_line_and_the_batch_can_be_looked_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", "data.batch_size=2", *_poison([2]))
    (path,) = (tmp_path / "run" / "non_finite").iterdir()
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert errors[0].startswith("error: step 2 (epoch 0, batch 2): expected a finite loss, got nan (all terms finite)")
    assert str(path) in errors[0]
    assert "callbacks.non_finite.on_non_finite=skip leaves such steps out" in errors[0]

    saved = torch.load(path, weights_only=True)
    assert (saved["step"], saved["epoch"], saved["batch_idx"], saved["rank"]) == (2, 0, 2, 0)
    assert saved["loss"].isnan()
    assert {"train/loss", "train/nats/caption", "train/contribution/kl_style", "weight/kl"} <= saved["terms"].keys()
    batch = CaptionBatch(**saved["batch"])
    assert saved["image_names"] == batch.image_ids_B.tolist()
    assert len(batch.images_BCHW) == 2
    assert len(saved["captions"]) == len(batch.tokens_NL)

    # the same weights, batch and random numbers give the same loss once more
    captioner, _ = build_tiny(tmp_path / "run")
    captioner.load_state_dict(saved["weights"])
    captioner.train()
    torch.set_rng_state(saved["random_state"]["cpu"])
    logged: dict[str, Tensor] = {}
    captioner.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign, assignment]
    captioner.log_dict = lambda values, **_: None  # type: ignore[method-assign, assignment]
    captioner._trainer = _AtStep(saved["step"])  # type: ignore[assignment]
    captioner.training_step(batch, saved["batch_idx"])
    assert logged["train/loss"].item() == saved["terms"]["train/loss"].item()


class _AtStep:
    def __init__(self, step: int) -> None:
        self.global_step = step


def test_a_run_that_leaves_steps_out_counts_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    skip = "callbacks.non_finite.on_non_finite=skip"
    run = run_tiny(tmp_path / "run", "data.batch_size=2", "test=false", skip, *_poison([1, 3], "gradient"))
    curve = scalars(run.events)["train/skipped_steps"]
    assert curve == [(0, 0.0), (1, 1.0), (2, 1.0), (3, 2.0)]
    assert "2 of 4 steps were left out, for their loss or gradients were not finite" in caplog.text
    assert "1 parameters have a gradient that is not finite, such as network." in caplog.text
    assert "skipped steps: 2" in capsys.readouterr().out
    assert torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 4


def test_too_many_in_a_row_stop_the_run_and_few_files_are_kept(tmp_path: Path) -> None:
    guard = NonFiniteSteps(tmp_path / "bad", on_non_finite="skip", max_consecutive=3)
    with pytest.raises(ValueError, match=r"step 2 .* after 3 such steps in a row, lower model.optimizer.lr"):
        _fit(tmp_path, guard, Poison(range(4)))
    paths = sorted(guard.dirpath.iterdir())
    assert [("weights" in torch.load(path, weights_only=True)) for path in paths] == [False, False, True]
    many = NonFiniteSteps(tmp_path / "many", on_non_finite="skip", max_consecutive=100)
    _fit(tmp_path, many, Poison(range(MOST_SAVED + 2)), f"data.num_train={2 * MOST_SAVED + 4}")
    assert many.skipped == MOST_SAVED + 2
    assert len([*many.dirpath.iterdir()]) == MOST_SAVED


def test_the_count_goes_on_in_a_resumed_run(tmp_path: Path) -> None:
    guard = NonFiniteSteps(tmp_path)
    guard.skipped, guard.consecutive = 7, 2
    other = NonFiniteSteps(tmp_path)
    other.load_state_dict(guard.state_dict())
    assert (other.skipped, other.consecutive) == (7, 2)


def test_refuses_settings_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"callbacks.non_finite.on_non_finite must be 'error' or 'skip', got 'warn'"):
        NonFiniteSteps(tmp_path, on_non_finite="warn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"callbacks.non_finite.max_consecutive must be at least 1, got 0"):
        NonFiniteSteps(tmp_path, max_consecutive=0)


def test_large_gradients_are_finite_though_their_norm_is_not() -> None:
    layer = torch.nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.full((1, 2), 3e38), torch.zeros(1)
    assert non_finite_gradients(layer) == []
    layer.bias.grad = torch.tensor([float("-inf")])
    assert non_finite_gradients(layer) == ["bias"]
