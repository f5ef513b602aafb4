"""What a finished run leaves for its reader: hyper-parameters beside final metrics, a table, examples, paths."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning_fabric.utilities import move_data_to_device
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console
from rich.table import Table

from callbacks import ResumeCheckpoints
from callbacks.resume_checkpoints import LAST
from datamodules.caption_datamodule import CaptionDataModule
from launch.devices import is_sharded
from launch.next_steps import next_steps
from launch.styled_captions import StyledCaption, styled_images
from launch.summary_picture import rows_of_captions, rows_of_codes, save_picture
from lightning_modules import CaptioningModule, EvaluatedModule, Example, FacetModule
from metrics.words import on_one_line
from utils.display import flatten, shown
from utils.lightning_internals import figures_step

NUM_EXAMPLES = 3
NUM_PICTURES = 4


@rank_zero_only
def log_hyperparameters(trainer: Trainer, config: DictConfig, metrics: Mapping[str, float]) -> None:
    """Write the whole config to the logger, and to TensorBoard's HParams tab the final metrics, too, as `final/…`."""
    if trainer.logger is None:
        return
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    flat = flatten({str(key): value for key, value in settings.items()})
    if isinstance(trainer.logger, TensorBoardLogger):
        final = {f"final/{name}": value for name, value in metrics.items()}
        trainer.logger.log_hyperparams(flat, final, step=figures_step(trainer))
    else:
        trainer.logger.log_hyperparams(flat)
    trainer.logger.save()


@rank_zero_only
def print_summary(
    trainer: Trainer,
    module: FacetModule,
    datamodule: CaptionDataModule,
    metrics: Mapping[str, float],
    marks: Sequence[str] = (),
) -> None:
    """Print the final metrics, captions of three images, one image in several styles, where it is and what to try next.

    `summary.png` shows images, captions and reconstructions.

    Args:
        trainer: The run's trainer.
        module: Its model.
        datamodule: Its data.
        metrics: Its figures.
        marks: What their reader must know, such as images that were trained on.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)  # captions and paths as they are
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    has_best = bool(best) and Path(best).is_file()
    table = final_metrics(metrics, marks, tested="best checkpoint" if has_best else "last weights")
    console.print(table, highlight=True)
    for example in [] if is_sharded(trainer) else examples(module, datamodule):
        model, human = on_one_line(example.generated), on_one_line(example.reference)
        console.print(f"  model: {model}\n  human: {human}\n")
    picture = None if is_sharded(trainer) else _show(trainer, module, datamodule, console)
    if metrics.get("train/skipped_steps"):
        console.print(f"skipped steps: {metrics['train/skipped_steps']:.0f}, as the log says")
    saved = Path(best) if has_best else newest_checkpoint(trainer)
    console.print(f"checkpoint:  {shown(saved) if saved else 'none was saved'}")
    if picture is not None:
        console.print(f"picture:     {shown(picture)}")
    if trainer.logger is not None and not isinstance(trainer.logger, TensorBoardLogger) and trainer.logger.save_dir:
        console.print(f"figures:     {shown(trainer.logger.log_dir or trainer.logger.save_dir)}")
    commands = [*next_steps(saved, trainer, module, datamodule)]
    if commands:
        console.print("\nwhat to try next:")
    for what, command in commands:
        console.print(f"  # {what}\n  {command}")


def final_metrics(metrics: Mapping[str, float], marks: Sequence[str] = (), *, tested: str) -> Table:
    """Return a table of a run's figures, with their names in full, however narrow it is.

    Args:
        metrics: Its figures, of which those of validation and test are shown.
        marks: What their reader must know.
        tested: Which weights were tested.
    """
    table = Table(title="\n".join(["Final metrics", *marks]), title_justify="left")
    table.add_column("metric", overflow="fold")
    table.add_column("val, last validation", justify="right")
    table.add_column(f"test, {tested}", justify="right")
    for name in sorted({name.split("/", 1)[1] for name in metrics if name.startswith(("val/", "test/"))}):
        values = [metrics.get(f"{stage}/{name}") for stage in ("val", "test")]
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in values))
    return table


def _show(trainer: Trainer, module: FacetModule, datamodule: CaptionDataModule, console: Console) -> Path | None:
    """Print one image in several styles, and draw a few; return the picture's file, if there is something to see."""
    if isinstance(module, CaptioningModule):
        images = styled_images(module, datamodule, NUM_PICTURES)
        if module.has_latents and images:
            console.print(in_styles(images[0].captions))
        return save_picture(rows_of_captions(images), trainer)
    if isinstance(module, EvaluatedModule):
        return save_picture(rows_of_codes(module, datamodule, NUM_PICTURES), trainer)
    return None


def in_styles(captions: Sequence[StyledCaption]) -> str:
    """Return lines that show captions of one image, the style of each, and whether it is true; "" without any."""
    if not captions:
        return ""
    lines = ["  one validation image, captions from different samples of S:"]
    for caption, style, is_true in captions:
        truth = {True: ", true", False: ", not true", None: ""}[is_true]
        lines.append(f"    {on_one_line(caption)} ({style or 'no style of the data'}{truth})")
    return "\n".join([*lines, ""])


def newest_checkpoint(trainer: Trainer) -> Path | None:
    """Return the checkpoint that a run would go on from, if there is one."""
    folders = [callback.folder for callback in trainer.checkpoint_callbacks if isinstance(callback, ResumeCheckpoints)]
    return next((folder / LAST for folder in folders if (folder / LAST).is_file()), None)


def examples(module: FacetModule, datamodule: CaptionDataModule) -> list[Example]:
    """Return what the model makes of a few validation images."""
    module.eval()
    found: list[Example] = []
    for batch in datamodule.val_dataloader():
        if len(batch.image_ids_B):  # not if none of its images could be read
            of_batch = module.examples(move_data_to_device(batch, module.device))
            if not of_batch:
                break
            found += of_batch
        if len(found) >= NUM_EXAMPLES:
            break
    return found[:NUM_EXAMPLES]
