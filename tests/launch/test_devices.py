"""Data-parallel training on real processes: it gives what one process gives."""

import copy
import datetime
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from hydra.utils import instantiate
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.multiprocessing import ProcessRaisedException, start_processes
from torch.utils.data import DataLoader, Sampler

from benchmarks.ddp import LONGEST_END, faulty_run
from callbacks import StepSeeds
from datamodules.batch import CaptionSample, collate
from datamodules.image_files.reading import BadImageError
from launch.devices import (
    ShardedClipping,
    as_in_their_process,
    expect_unused_parameters,
    naming_lost_processes,
    prepare_sharding,
    refuse_empty_shares,
    refuse_lost_devices,
)
from lightning_modules.networks.latents import diagonal_gaussian
from tests.tiny_run import build_tiny, compose_tiny, hydra_job, run_tiny
from utils.distributed import num_processes
from utils.errors import LostProcessError

SMALL_BATCH = 2
QUIET: dict[str, object] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}
WITHOUT_NOISE = [
    "model/relaxation=expected",
    "model.relaxation.teacher_forcing_ratio=0",
    "model/optimizer=adam",
    "model.optimizer.lr=0.001",
    "+model.optimizer.eps=1e-3",  # steps in proportion to gradients: not those of noise
    "data.captions_per_image=null",
    "model.loss.style_free_bits=0.02",
    "model.loss.content_free_bits=0.1",
    "model.loss.reconstruction_weight=0.5",
]


def _no_noise(draw: object, like: Tensor, generators: object) -> Tensor:
    return torch.zeros_like(like)


class NoNoise(Callback):
    """Takes the noise out of the codes, in whichever process the training runs."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.random_rows = diagonal_gaussian.random_rows
        diagonal_gaussian.random_rows = _no_noise

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        diagonal_gaussian.random_rows = self.random_rows


class InOrder(Sampler[int]):
    """The images in order, each process every so many of them: all batches together are those of one process."""

    def __init__(self, num_images: int) -> None:
        self.num_images = num_images

    def __iter__(self) -> Iterator[int]:
        rank = dist.get_rank() if num_processes() > 1 else 0
        return iter(range(rank, self.num_images, num_processes()))

    def __len__(self) -> int:
        return self.num_images // num_processes()


def _train(
    folder: Path, num_devices: int, choices: Sequence[str], max_epochs: int = 2
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Train on the same batches of all devices together; return all weights and what was logged.

    The images have 1, 2, …, 5 captions, so that processes have different numbers of them.
    """
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(folder / "run", "data.num_train=12", choices=choices)
    split = datamodule.splits["train"]
    split.captions = [captions[: 1 + 3 * (i % 2) + i % 3] for i, captions in enumerate(split.captions)]
    loader: DataLoader[CaptionSample] = DataLoader(
        datamodule.dataset("train"),
        batch_size=2 * SMALL_BATCH // num_devices,
        sampler=InOrder(len(split.image_ids)),
        collate_fn=partial(collate, pad_id=datamodule.tokenizer.vocabulary.pad_id),
    )
    trainer = Trainer(
        devices=num_devices,
        strategy="ddp_fork" if num_devices > 1 else "auto",
        max_epochs=max_epochs,
        gradient_clip_val=1.0,
        log_every_n_steps=1,
        limit_val_batches=0,
        use_distributed_sampler=False,
        callbacks=[NoNoise()],
        **QUIET,
    )
    trainer.fit(captioner, loader, loader)
    return captioner.state_dict(), dict(trainer.callback_metrics)


class RandomNumbers(Callback):
    """Writes what each process draws first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_start(self, trainer: Trainer, *args: object) -> None:
        torch.save(torch.rand(3), self.folder / f"{trainer.global_rank}.pt")


def test_two_processes_train_as_one_does_on_both_batches(tmp_path: Path) -> None:
    start, _ = _train(tmp_path, 1, WITHOUT_NOISE, max_epochs=0)
    alone, logged_alone = _train(tmp_path, 1, WITHOUT_NOISE)
    together, logged_together = _train(tmp_path, 2, WITHOUT_NOISE)
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
    torch.testing.assert_close(logged_together, logged_alone)
    learnt = [(alone[name] - start[name]).abs().max().item() for name in alone if alone[name].is_floating_point()]
    assert sum(change > 1e-3 for change in learnt) > len(learnt) / 2


def test_self_critical_training_on_two_processes_and_noise_of_each_ones_own(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/self_critical=cider", "data.batch_size=2"])
    start = copy.deepcopy(captioner.state_dict())
    callbacks = [StepSeeds(), RandomNumbers(tmp_path)]
    trainer = Trainer(devices=2, strategy="ddp_fork", max_steps=2, limit_val_batches=0, callbacks=callbacks, **QUIET)
    expect_unused_parameters(trainer, captioner)
    trainer.fit(captioner, datamodule=datamodule)
    changed = {
        name.split(".")[1] for name, value in captioner.state_dict().items() if not torch.equal(value, start[name])
    }
    assert {"decoder_text", "middle"} <= changed
    assert "decoder_image" not in changed  # rewards know nothing of it
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert not torch.equal(first, second)


def test_ddp_looks_for_unused_parameters_only_where_there_are_some(tmp_path: Path) -> None:
    for choices, expected in ([], False), (["model/self_critical=cider"], True):
        captioner, _ = build_tiny(tmp_path / "run", choices=choices)
        trainer = Trainer(devices=2, **QUIET)
        expect_unused_parameters(trainer, captioner)
        assert isinstance(trainer.strategy, DDPStrategy)
        assert trainer.strategy._ddp_kwargs.get("find_unused_parameters", False) is expected


@pytest.mark.parametrize("started_by_slurm", [False, True])
def test_sweeps_use_the_processes_that_the_cluster_has_started(
    started_by_slurm: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if started_by_slurm:
        monkeypatch.setenv("LOCAL_RANK", "0")
    with hydra_job(compose_tiny(tmp_path / "run", "hydra.mode=MULTIRUN")):
        trainer = Trainer(devices=2, **QUIET)
        with nullcontext() if started_by_slurm else pytest.raises(ValueError, match="cannot start its processes"):
            refuse_lost_devices(trainer)


def test_more_processes_than_batches_are_refused(tmp_path: Path) -> None:
    _, datamodule = build_tiny(tmp_path / "run")  # 8 images, in batches of 4
    refuse_empty_shares(Trainer(devices=2, **QUIET), datamodule)
    with pytest.raises(ValueError, match=r"batch_size=4 on each of 3 processes .* to at most 2, or use fewer devices"):
        refuse_empty_shares(Trainer(devices=3, **QUIET), datamodule)


def test_fsdp_on_a_cpu_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", "trainer.strategy=fsdp", "trainer.devices=2")
    assert re.search(r"^error: The strategy `fsdp` requires a GPU accelerator, but received", capsys.readouterr().err)


def _fsdp_trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """Return a trainer as a machine with GPUs would have it."""
    trainer = Trainer(gradient_clip_val=0.5, **QUIET)
    monkeypatch.setattr(trainer._accelerator_connector, "strategy", FSDPStrategy())
    return trainer


@pytest.mark.filterwarnings("ignore:.*NO_SHARD")  # it is one process
def test_fsdp_clips_by_the_norm_of_the_whole_gradient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    trainer = _fsdp_trainer(monkeypatch)
    prepare_sharding(trainer, datamodule)
    assert trainer.gradient_clip_val is None  # Lightning would refuse it
    (clipping,) = (callback for callback in trainer.callbacks if isinstance(callback, ShardedClipping))
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'rendezvous'}", rank=0, world_size=1)
    try:
        sharded = FullyShardedDataParallel(nn.Linear(3, 2), device_id=torch.device("cpu"), use_orig_params=True)
        trainer.strategy.model = sharded
        sharded(torch.full((4, 3), 10.0)).sum().backward()
        clipping.on_before_optimizer_step(trainer, captioner, torch.optim.SGD(sharded.parameters()))
        norm = torch.cat([parameter.grad.flatten() for parameter in sharded.parameters()]).norm()
    finally:
        dist.destroy_process_group()
    assert norm.item() == pytest.approx(0.5, rel=1e-4)


def test_fsdp_does_not_cache_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, datamodule = build_tiny(tmp_path / "run", "data.cache_features=true")
    with pytest.raises(ValueError, match=r"cache_features=true needs the whole encoder .*; set trainer.strategy=ddp"):
        prepare_sharding(_fsdp_trainer(monkeypatch), datamodule)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_run_within_seconds(rank: int, tmp_path: Path) -> None:
    outcome = faulty_run(tmp_path / "run", rank=rank, killed=True)
    assert outcome.code, f"hung, or ended well: {outcome}"  # None if it hung
    assert outcome.seconds < LONGEST_END
    if rank == 1:  # the other one lives to tell
        assert "error: process 0 of 2 cannot reach another one" in outcome.output
        assert f"resume={tmp_path}/run/run" in outcome.output
        assert "Traceback" not in outcome.output


def _raise(rank: int, error: Exception) -> None:
    if rank == 1:
        raise error
    time.sleep(60)


class OfTwoError(ValueError):
    """Made of two things."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first}: {second}")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (BadImageError("a.jpg: not a usable image"), BadImageError, "a.jpg: not a usable image"),
        (ValueError("first: line\nsecond: line"), ValueError, "first: line\nsecond: line"),
        (RuntimeError("Connection closed by peer [gloo]"), RuntimeError, r"Connection closed by peer [gloo]"),
        (OfTwoError("a", "b"), ProcessRaisedException, "a: b"),
    ],
)
def test_an_error_of_a_process_is_raised_as_what_it_is(error: Exception, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)) as raised, as_in_their_process():
        start_processes(_raise, (error,), nprocs=2, start_method="fork")
    assert type(raised.value) is kind


def test_only_what_the_exchange_reports_is_a_lost_process(tmp_path: Path) -> None:
    alone, together = Trainer(**QUIET), Trainer(devices=2, **QUIET)
    gone = RuntimeError("[gloo/transport/tcp/pair.cc:545] Read error [127.0.0.1]:1: Connection reset by peer")
    with (
        pytest.raises(LostProcessError, match=r"process 0 of 2 cannot reach .* resume="),
        naming_lost_processes(together),
    ):
        raise gone
    for trainer, error in (alone, gone), (together, RuntimeError("a bug of ours")):
        with pytest.raises(RuntimeError) as raised, naming_lost_processes(trainer):
            raise error
        assert raised.value is error


def test_how_long_processes_wait_for_one_another_can_be_set(tmp_path: Path) -> None:
    timeout = (
        "{_target_: pytorch_lightning.strategies.DDPStrategy, timeout: {_target_: datetime.timedelta, minutes: 5}}"
    )
    config = compose_tiny(tmp_path / "run", f"trainer.strategy={timeout}", "trainer.devices=2")
    with hydra_job(config):
        trainer = instantiate(config.trainer, logger=False)
    assert trainer.strategy._timeout == datetime.timedelta(minutes=5)
