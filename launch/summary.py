"""What a finished run leaves for its reader: hyper-parameters beside final metrics, a table, examples, paths."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities import move_data_to_device
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callbacks import ResumeCheckpoints
from callbacks.fit_progress import figures_step
from callbacks.resume_checkpoints import LAST
from datamodules.caption_datamodule import CaptionDataModule
from launch.devices import is_sharded
from lightning_modules import VariationalCaptioner
from metrics.words import on_one_line
from utils.display import flatten, shown
from utils.seeding import generators_of_images, run_seed
from utils.shell import shell_command

NUM_EXAMPLES = 3


@rank_zero_only
def log_hyperparameters(trainer: Trainer, config: DictConfig, metrics: Mapping[str, float]) -> None:
    """Write the whole config with the final metrics, named `final/…`, to TensorBoard's HParams tab."""
    if not isinstance(trainer.logger, TensorBoardLogger):
        return
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    trainer.logger.log_hyperparams(
        flatten({str(key): value for key, value in settings.items()}),
        {f"final/{name}": value for name, value in metrics.items()},
        step=figures_step(trainer),
    )
    trainer.logger.save()


@rank_zero_only
def print_summary(
    trainer: Trainer,
    captioner: VariationalCaptioner,
    datamodule: CaptionDataModule,
    metrics: Mapping[str, float],
    marks: Sequence[str] = (),
) -> None:
    """Print a short table of the final metrics, three captions, and where the checkpoint and the curves are.

    Args:
        trainer: The run's trainer.
        captioner: Its model.
        datamodule: Its data.
        metrics: Its figures.
        marks: What their reader must know, such as images that were trained on.
    """
    console = Console(soft_wrap=True)
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}  # captions and paths as they are
    table = Table(title="\n".join(["Final metrics", *map(escape, marks)]), title_justify="left")
    table.add_column("metric")
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    has_best = bool(best) and Path(best).is_file()
    table.add_column("val, last validation", justify="right")
    table.add_column(f"test, {'best checkpoint' if has_best else 'last weights'}", justify="right")
    names = sorted({name.split("/", 1)[1] for name in metrics if name.startswith(("val/", "test/"))})
    for name in names:
        values = [metrics.get(f"{stage}/{name}") for stage in ("val", "test")]
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in values))
    console.print(table)
    for caption, references in [] if is_sharded(trainer) else examples(captioner, datamodule):
        console.print(f"  model: {on_one_line(caption)}\n  human: {on_one_line(references[0])}\n", **plain)
    if metrics.get("train/skipped_steps"):
        console.print(f"skipped steps: {metrics['train/skipped_steps']:.0f}, as the log says", **plain)
    saved = best if has_best else newest_checkpoint(trainer)
    console.print(f"checkpoint:  {shown(saved) if saved else 'none was saved'}", **plain)
    if isinstance(trainer.logger, TensorBoardLogger):
        command = shell_command("tensorboard", "--logdir", shown(trainer.logger.log_dir))
        console.print(f"curves:      {command}", **plain)


def newest_checkpoint(trainer: Trainer) -> Path | None:
    """Return the checkpoint that a run would go on from, if there is one."""
    folders = [callback.folder for callback in trainer.checkpoint_callbacks if isinstance(callback, ResumeCheckpoints)]
    return next((folder / LAST for folder in folders if (folder / LAST).is_file()), None)


def examples(captioner: VariationalCaptioner, datamodule: CaptionDataModule) -> list[tuple[str, list[str]]]:
    """Return for a few validation images what the model says and what people said."""
    captioner.eval()
    found: list[tuple[str, list[str]]] = []
    for batch in datamodule.val_dataloader():
        if len(found) >= NUM_EXAMPLES:
            break
        if not len(batch.image_ids_B):  # none of its images could be read
            continue
        batch = move_data_to_device(batch, captioner.device)
        with torch.no_grad():
            features_BPD = captioner.encode_batch(batch)
        generators = generators_of_images(run_seed(), batch.image_ids_B.tolist())
        generated = captioner.generate(features_BPD, generators=generators)
        found += [
            (captions[0], list(refs)) for captions, refs in zip(generated.captions, batch.references, strict=True)
        ]
    return found[:NUM_EXAMPLES]
