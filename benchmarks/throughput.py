"""How fast data is loaded and a model trained, and how long its steps wait for data.

    python benchmarks/throughput.py [--steps 50] [--out throughput.json] [group=option …] [key=value …]

The overrides are those of `train.py`; what they compose is measured. Prints two tables and writes the figures as JSON.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning.profilers import SimpleProfiler
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MACHINE, ROOT, parser_with_out, print_table, write_figures
from datamodules.batch import CaptionBatch
from datamodules.caption_datamodule import CaptionDataModule
from launch.trainer import choose_precision
from utils.devices import keep_freed_memory

WARM_UP_STEPS = 5
NEXT_BATCH = "[_TrainingEpochLoop].train_dataloader_next"
WHOLE_STEP = "run_training_batch"


class QuietProfiler(SimpleProfiler):
    """Records durations without printing them all at the end."""

    def describe(self) -> None:
        pass


class CountSizes(pl.Callback):
    """Counts what the measured steps trained on; tokens are those that the loss counts."""

    def __init__(self, prefix_length: int, pad_id: int) -> None:
        self.prefix_length = prefix_length
        self.pad_id = pad_id
        self.images = self.captions = self.tokens = 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: CaptionBatch, batch_idx: int
    ) -> None:
        if batch_idx < WARM_UP_STEPS:
            return
        self.images += len(batch.images_BCHW)
        self.captions += len(batch.tokens_NL)
        self.tokens += int((batch.tokens_NL[:, self.prefix_length :] != self.pad_id).sum())


def loading_rate(datamodule: CaptionDataModule, num_workers: int, num_batches: int) -> float:
    """Return images a second of the training loader alone, its start-up left out."""
    datamodule.num_workers = num_workers
    batches = iter(datamodule.train_dataloader())
    next(batches)
    images, start = 0, time.perf_counter()
    progress = tqdm(range(num_batches), f"loading, {num_workers} workers", leave=False)
    for _, batch in zip(progress, batches, strict=False):
        images += len(batch.images_BCHW)
    return images / (time.perf_counter() - start)


def training_rate(config: Any, datamodule: CaptionDataModule, num_steps: int) -> dict[str, float]:
    """Return the rates of training steps as Lightning runs them, and the share of the time that they wait for data."""
    captioner = instantiate(config.model, _partial_=True)(
        tokenizer=datamodule.tokenizer.to_json(), image_size=datamodule.image_size
    )
    vocabulary = datamodule.tokenizer.vocabulary
    sizes = CountSizes(len(vocabulary.prefix), vocabulary.pad_id)
    profiler = QuietProfiler()
    choose_precision(config.trainer)
    trainer = instantiate(
        config.trainer,
        callbacks=[sizes],
        logger=False,
        profiler=profiler,
        max_epochs=-1,
        max_steps=WARM_UP_STEPS + num_steps,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=None,
        devices=1,
    )
    if trainer.strategy.root_device.type == "cpu":  # as train.py does
        keep_freed_memory()
    trainer.fit(captioner, datamodule=datamodule)
    waited = sum(profiler.recorded_durations[NEXT_BATCH][WARM_UP_STEPS : WARM_UP_STEPS + num_steps])
    stepped = sum(profiler.recorded_durations[WHOLE_STEP][WARM_UP_STEPS:])
    seconds = waited + stepped
    return {
        "steps": num_steps,
        "seconds_per_step": seconds / num_steps,
        "images_per_second": sizes.images / seconds,
        "captions_per_second": sizes.captions / seconds,
        "tokens_per_second": sizes.tokens / seconds,
        "share_waiting_for_data": waited / seconds,
    }


def show(title: str, rows: dict[str, float]) -> None:
    """Print figures as a table."""
    cells = [(name, f"{value:,.3f}" if abs(value) < 10 else f"{value:,.0f}") for name, value in rows.items()]
    print_table(("figure", "value"), cells, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line composes."""
    parser = parser_with_out("Measure data loading and training steps.", "throughput.json")
    parser.add_argument("--steps", type=int, default=50, help="training steps to measure (50)")
    parser.add_argument("overrides", nargs="*", help="as for train.py")
    options = parser.parse_args(arguments)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        # there is no run directory: nothing is logged or saved
        config = compose("train", overrides=[*options.overrides, "trainer.default_root_dir=null", "logger=none"])
    pl.seed_everything(config.seed, workers=True)
    datamodule = instantiate(config.data)
    datamodule.prepare_data()
    datamodule.setup("fit")
    workers = datamodule.num_workers
    loading = {f"{n} workers": loading_rate(datamodule, n, num_batches=30) for n in (0, 1, 2)}
    datamodule.num_workers = workers
    training = training_rate(config, datamodule, options.steps)
    show("Loading alone, images/s", loading)
    show(f"Training, {workers} workers", training)
    machine = {"processor": MACHINE, "threads": torch.get_num_threads()}
    figures = {"overrides": options.overrides, "machine": machine, "loading_images_per_second": loading} | training
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
