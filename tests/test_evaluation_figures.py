"""A figure of validation or test is one of the split: the same on more processes, in other batches, by evaluate.py."""

import datetime
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy

import evaluate
from callbacks import (
    CaptionMetrics,
    CaptionSamples,
    LatentScatter,
    LatentUsage,
    MissingImages,
    ReconstructionMetrics,
    Reconstructions,
    StyleGrid,
    StyleProbe,
    Traversals,
)
from datamodules.caption_datamodule import CaptionDataModule
from datamodules.image_files.reading import BadImageError
from lightning_modules import VariationalCaptioner
from tests.tiny_run import ROOT, build_tiny, compose_tiny, compose_train, hydra_job, read_events, run_tiny, scalars

CALLBACKS = sorted(path.stem for path in (ROOT / "conf/callbacks").glob("*.yaml"))
SAVING = [name for name in CALLBACKS if {"checkpoint", "metrics"} <= {*compose_train([f"callbacks={name}"]).callbacks}]
ONLY_SCORES = (
    "num_images=null",
    "gallery.num_images=0",
    "trade_off.num_images=0",
    "exploration.num_images=0",
    "interpretability.num_images=0",
    "meteor=no",
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``compute`` method of metric"),  # of a process without a readable image
    pytest.mark.filterwarnings("ignore:It is recommended to use `self.log"),
    pytest.mark.filterwarnings("ignore:Using `DistributedSampler` with the dataloaders"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork"),
]


@pytest.mark.parametrize("generation", ["sample", "latent"])
@pytest.mark.parametrize("callbacks", SAVING)
def test_the_test_of_train_is_evaluate_of_its_best_checkpoint(callbacks: str, generation: str, tmp_path: Path) -> None:
    choices = [f"callbacks={callbacks}", f"generation={generation}", "model/scheduler=constant"]
    drawn = ["generation.latent_scale=30"] if generation == "latent" else []  # codes are drawn far apart
    settings = ["data.num_train=32", "model.optimizer.lr=0.05", "trainer.max_epochs=4", "seed=3"]
    if generation == "sample":
        settings.append(
            "trainer.precision=bf16-mixed"
        )  # of training: checkpoints hold, and are used in, full precision
    if callbacks == "ema":
        settings.append("callbacks.moving_average.decay=0.8")
    run = run_tiny(tmp_path / "run", *settings, *drawn, choices=choices)
    own = [
        f"checkpoint={run.best}",
        "trainer.accelerator=cpu",
        "seed=3",
        "data.num_train=32",
        "batch_size=2",
        *drawn,
        *ONLY_SCORES,
    ]
    config = compose_tiny(tmp_path / "report", *own, choices=[f"generation={generation}"], name="evaluate")
    with hydra_job(config):
        evaluate.main(config)
    scores = json.loads((tmp_path / "report/scores.json").read_text())
    tested = {
        name.removeprefix("test/"): curve[-1][1] for name, curve in scalars(run.events).items() if "test/" in name
    }
    both = tested.keys() & scores.keys()
    assert both >= {
        "coco/BLEU-1",
        "coco/CIDEr-D",
        "coco/ROUGE-L",
        "rouge_score/rougeL",
        "caption_truth",
        "PSNR",
        "SSIM",
        "reconstruction_truth",
        "reconstruction_facts",
        "reconstruction_facts_precision",
        "reconstruction_exact",
    }
    assert {name: tested[name] for name in both} == pytest.approx(
        {name: scores[name] for name in both}, rel=1e-6, abs=1e-7
    )


CHOICES = ["model/latents=conditional", "generation=sample"]
SETTINGS = [
    "data.num_val=5",
    "generation.num=2",
    "model.loss.style_free_bits=5",
    "model.loss.content_free_bits=1",
    "model.loss.kl_loss_weight=1",
    "model.loss.beta=1",
    "model.loss.gamma=1",
    "model.loss.label_smoothing=0.1",
]


def _build(folder: Path, *settings: str) -> tuple[VariationalCaptioner, CaptionDataModule]:
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(folder / "run", *SETTINGS, *settings, choices=CHOICES)
    datamodule.on_bad_data = "skip"
    datamodule._datasets.clear()  # which were made before
    val = datamodule.splits["val"]
    val.captions = [captions[: 1 + 2 * image] for image, captions in enumerate(val.captions)]  # not equally many
    datamodule._datasets.clear()  # they were made, and captions tokenized, before these changes
    for parameter in captioner.parameters():  # codes that say something, and captions that differ
        torch.nn.init.normal_(parameter, std=0.3)
    return captioner, datamodule


def _trainer(folder: Path, processes: int, **settings: Any) -> Trainer:
    strategy = DDPStrategy(start_method="fork", process_group_backend="gloo", timeout=datetime.timedelta(seconds=20))
    config = compose_train([])
    return Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="auto" if processes == 1 else strategy,
        logger=TensorBoardLogger(folder, name="", version=""),
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            CaptionMetrics(instantiate(config.metrics)),
            LatentUsage(),
            StyleProbe(),
            ReconstructionMetrics(),
            MissingImages(folder / "missing.json"),
            CaptionSamples(3),
            Reconstructions(3),
            StyleGrid(3, num_styles=2),
            Traversals([-3, 0, 3], 3, num_dimensions=2),
            LatentScatter(3),
        ],
        **settings,
    )


Shown = tuple[list[str], list[bytes]]


def _validate(
    folder: Path, processes: int, batch_size: int, spoil: Callable[[CaptionDataModule], None] = lambda _: None
) -> tuple[dict[str, float], Shown]:
    """Return all figures of a validation, and the captions and pictures that are shown."""
    captioner, datamodule = _build(folder, f"data.batch_size={batch_size}")
    spoil(datamodule)
    seed_everything(11, verbose=False)
    torch.manual_seed(100 * processes + batch_size)  # the global state has no say
    (figures,) = _trainer(folder, processes).validate(captioner, datamodule=datamodule, verbose=False)
    events = read_events(folder)
    tables = [
        event.tensor_proto.string_val[0].decode()
        for name in ("captions", "styles", "traversals")
        for event in events.Tensors(f"val/{name}/text_summary")
    ]
    assert len(events.Images("val/style_scatter")) == 1
    return figures, (tables, [event.encoded_image_string for event in events.Images("val/reconstructions")])


class Unreadable:
    """Lets images of the validation split be unreadable."""

    def __init__(self, numbers: Iterable[int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers = {*numbers}
        self.monkeypatch = monkeypatch

    def __call__(self, datamodule: CaptionDataModule) -> None:
        split = datamodule.splits["val"]
        load = split.load_image

        def fail(number: int) -> torch.Tensor:
            if number in self.numbers:
                raise BadImageError(f"{number}: not a usable image")
            return load(number)

        self.monkeypatch.setattr(split, "load_image", fail)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, float], Shown]:
    """What one process finds in one batch."""
    return _validate(tmp_path_factory.mktemp("alone"), 1, 5)


@pytest.mark.parametrize(("processes", "batch_size"), [(1, 1), (1, 2), (2, 2), (3, 1)])
def test_figures_depend_neither_on_processes_nor_on_batches(
    processes: int, batch_size: int, alone: tuple[dict[str, float], Shown], tmp_path: Path
) -> None:
    expected, (tables, pictures) = alone
    figures, shown = _validate(tmp_path, processes, batch_size)
    names = {"val/loss", "val/contribution/kl_style", "val/nats/reconstruction", "val/latents/style_mutual_information"}
    assert figures.keys() >= {
        *names,
        "val/coco/CIDEr-D",
        "val/PSNR",
        "val/reconstruction_facts",
        "val/caption_truth",
        "val/missing_images",
        "val/interpretability/style_family_from_style",
    }
    assert "val/interpretability/style_family_from_style" in figures
    # mutual information is the small difference of large sums of single precision
    assert figures == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert shown[0] == tables
    assert [len(table.splitlines()) for table in tables] == [2 + 3, 2 + 3 * (1 + 2), 2 + 3 * 2]
    assert len(shown[1]) == len(pictures) == 1


def test_the_loss_of_a_split_is_that_of_its_captions_together(alone: tuple[dict[str, float], Shown]) -> None:
    """Bits are free of the mean over the split, and contributions add up."""
    figures, _ = alone
    parts = [value for name, value in figures.items() if name.startswith("val/contribution/")]
    assert figures["val/loss"] == pytest.approx(sum(parts), rel=1e-6)
    assert figures["val/contribution/kl_content"] > figures["val/nats/kl_content"]  # the floor is at work


@pytest.mark.parametrize("unreadable", [(1, 3), (0, 2, 4), (0, 1, 2, 4)])
def test_a_process_without_a_readable_image_keeps_none_waiting(
    unreadable: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes the second has images 1, 3 and, to fill up, 0."""
    spoil = Unreadable(unreadable, monkeypatch)
    expected, shown = _validate(tmp_path / "alone", 1, 5, spoil)
    figures, shown_together = _validate(tmp_path / "together", 2, 1, spoil)
    assert figures == pytest.approx(expected, rel=1e-5)
    assert figures["val/missing_images"] == len(unreadable)
    assert shown_together[0] == shown[0]


@pytest.mark.parametrize("processes", [1, 2])
def test_without_any_readable_image_there_is_a_line_and_no_figure(
    processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    captioner, datamodule = _build(tmp_path, "data.batch_size=2")
    Unreadable(range(5), monkeypatch)(datamodule)
    with caplog.at_level(logging.WARNING):
        (figures,) = _trainer(tmp_path, processes).validate(captioner, datamodule=datamodule, verbose=False)
    assert figures == {"val/missing_images": 5.0}
    if processes == 1:  # those of others are not captured
        assert "none of the val images could be read, so there are no figures of them" in caplog.text


def test_schedules_count_as_at_the_step_of_the_checkpoint(tmp_path: Path) -> None:
    """The loss of a checkpoint is what its validation said, whatever training came to afterwards."""
    warmup = "{_target_: lightning_modules.schedules.LinearWarmup, start: 0.0, end: 9.0, steps: 9}"
    captioner, datamodule = build_tiny(
        tmp_path / "run", f"model.loss.beta={warmup}", "model.loss.kl_loss_weight=1", "data.num_train=12"
    )
    quiet: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}
    checkpoints = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    trainer = Trainer(max_epochs=2, callbacks=[checkpoints], enable_model_summary=False, **quiet)
    trainer.fit(captioner, datamodule=datamodule)
    weights = []
    for tester in (trainer, Trainer(callbacks=[checkpoints], **quiet)):
        (figures,) = tester.validate(
            captioner, datamodule=datamodule, ckpt_path=tmp_path / "epoch=0.ckpt", weights_only=True, verbose=False
        )
        weights.append(figures["val/contribution/kl_style"] / figures["val/nats/kl_style"])
    assert weights == pytest.approx([3.0, 3.0])  # three steps an epoch


def test_training_does_not_go_on_without_a_validation_to_go_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captioner, datamodule = _build(tmp_path, "data.batch_size=4")
    Unreadable(range(5), monkeypatch)(datamodule)
    with pytest.raises(ValueError, match=r"none of the val images could be read.* go on with resume=.*limit_val_bat"):
        _trainer(tmp_path, 1, max_epochs=1).fit(captioner, datamodule=datamodule)
