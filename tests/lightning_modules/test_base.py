"""Every checkpoint says what its weights were trained on, whatever came before."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from datamodules.batch import CaptionBatch, seeds_of_images
from datamodules.caption_datamodule import CaptionDataModule
from datamodules.training_record import TrainingRecord
from lightning_modules import VariationalCaptioner, average_checkpoints, load_captioner, save_module
from lightning_modules.checkpoints.loading import read_record
from lightning_modules.checkpoints.warm_start import warm_start
from lightning_modules.generation import Sample
from tests.tiny_run import TinyRun, build_tiny
from utils.seeding import Purpose, generators_of_images, run_seed


def _saved(captioner: VariationalCaptioner, datamodule: CaptionDataModule, path: Path) -> Path:
    """Train for a step and save, without any callback of ours."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = Trainer(max_steps=1, limit_val_batches=0, enable_model_summary=False, **quiet)  # type: ignore[arg-type]
    trainer.fit(captioner, datamodule=datamodule)
    trainer.save_checkpoint(path)
    return path


def _numbers(record: TrainingRecord, datamodule: CaptionDataModule) -> dict[str, int]:
    return {name: int(record.knows(split.image_keys).sum()) for name, split in datamodule.splits.items()}


def test_a_run_knows_its_training_images_alone(trained: TinyRun, tmp_path: Path) -> None:
    record, (_, datamodule) = read_record(trained.best), build_tiny(tmp_path / "run")
    assert _numbers(record, datamodule) == {"train": 8, "val": 0, "test": 0}
    assert (record.sources, record.complete) == (("shapes",), True)


@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
def test_trainings_add_up_over_warm_starts_and_means(trained: TinyRun, tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", "data.seed=7")  # other scenes, but words that fit
    captioner = VariationalCaptioner(**load_captioner(trained.best).hparams)
    warm_start(captioner, trained.best, skip="decoder_")
    first = read_record(trained.best)
    path = _saved(captioner, datamodule, tmp_path / "second.ckpt")
    both = read_record(path)
    assert _numbers(both, datamodule) == {"train": 8, "val": 0, "test": 0}
    assert {*first.keys.tolist()} < {*both.keys.tolist()} == {*(first | datamodule.training_record).keys.tolist()}

    averaged = average_checkpoints([trained.best, path])
    save_module(averaged, tmp_path / "mean.ckpt")
    assert read_record(tmp_path / "mean.ckpt").keys.tolist() == both.keys.tolist()


def test_of_an_earlier_version_nothing_is_known_nor_of_what_starts_from_it(trained: TinyRun, tmp_path: Path) -> None:
    checkpoint = torch.load(trained.best, weights_only=True)
    del checkpoint["trained_on"]
    torch.save(checkpoint, tmp_path / "old.ckpt")
    record = read_record(tmp_path / "old.ckpt")
    assert (record.complete, len(record.keys)) == (False, 0)
    captioner = load_captioner(trained.best)
    warm_start(captioner, tmp_path / "old.ckpt", skip=None)
    assert captioner.trained_on is not None
    assert not captioner.trained_on.complete


def test_a_record_that_is_none_is_refused(trained: TinyRun, tmp_path: Path) -> None:
    torch.save({**torch.load(trained.best, weights_only=True), "trained_on": 5}, tmp_path / "changed.ckpt")
    for read in (read_record, load_captioner):
        with pytest.raises(ValueError, match=r"changed.ckpt: expected a record of the training images"):
            read(tmp_path / "changed.ckpt")


@pytest.mark.filterwarnings("ignore:The 'predict_dataloader' does not have many workers")
def test_lightnings_predict_generates_what_the_test_does(trained: TinyRun, tmp_path: Path) -> None:
    _, datamodule = build_tiny(tmp_path / "run", "generation.num=2", choices=["generation=sample"])
    captioner = load_captioner(trained.best)
    captioner.strategy = Sample(num=2, max_length=8)
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu")
    loader = datamodule.test_dataloader()
    predicted = trainer.predict(captioner, loader)
    assert predicted is not None
    assert [batch.captions for batch in predicted] == [
        captioner._evaluate(batch).generated.captions for batch in loader
    ]


def test_random_numbers_follow_from_pixels_or_from_numbers_where_there_are_none(tmp_path: Path) -> None:
    batch = next(iter(build_tiny(tmp_path / "run")[1].val_dataloader()))

    def drawn(batch: CaptionBatch, purpose: Purpose = "captions") -> list[float]:
        return [
            torch.rand((), generator=generator).item()
            for generator in generators_of_images(run_seed(), seeds_of_images(batch), purpose)
        ]

    alone = batch._replace(images_BCHW=batch.images_BCHW[1:2], image_ids_B=batch.image_ids_B[1:2])
    without = batch._replace(images_BCHW=batch.images_BCHW[..., :0, :0])
    assert drawn(alone) == drawn(batch)[1:2]
    assert len({*drawn(batch), *drawn(batch, "loss"), *drawn(without)}) == 3 * len(batch.image_ids_B)


@pytest.mark.filterwarnings("ignore:The 'predict_dataloader' does not have many workers")
@pytest.mark.parametrize("latents", ["conditional", "conditional_flow", "categorical_style"])
def test_lightnings_predict_hands_on_any_latents(tmp_path: Path, latents: str) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=[f"model/latents={latents}"])
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu")
    predicted = trainer.predict(captioner, datamodule.test_dataloader())
    assert predicted is not None
    for batch in predicted:
        torch.testing.assert_close(batch.latents.style.sample, batch.latents.style.prior.mean)
