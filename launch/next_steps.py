"""What to try next with the model of a finished run, as commands that can be pasted."""

from collections.abc import Iterator
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import CaptioningModule, FacetModule
from utils.display import shown
from utils.scripts import script_words
from utils.shell import hydra_command, shell_command

BUILT_IN = "shapes"  # the option of `data` that evaluate.py has of itself


def next_steps(
    saved: Path | None, trainer: Trainer, module: FacetModule, datamodule: CaptionDataModule
) -> Iterator[tuple[str, str]]:
    """Yield what a command does, in a word or two, and the command.

    Args:
        saved: The run's checkpoint; None if it has saved none.
        trainer: Its trainer.
        module: Its model.
        datamodule: Its data.
    """
    if saved is not None and isinstance(module, CaptioningModule):
        yield "describe images", shell_command(*script_words("caption.py"), shown(saved), _image(datamodule))
        sampled = " generation=latent num_captions=5" if module.has_latents else ""
        command = hydra_command("evaluate.py", checkpoint=shown(saved))
        yield "write a report", " ".join([command + sampled, *_data_settings(Path(trainer.default_root_dir))])
    elif saved is not None:
        yield "take it along", shell_command(*script_words("export.py"), shown(saved), "--to", "safetensors", "model")
    if isinstance(trainer.logger, TensorBoardLogger):
        yield "look at curves", shell_command("tensorboard", "--logdir", shown(trainer.logger.log_dir))


def _image(datamodule: CaptionDataModule) -> str:
    """Return a test image's file, or the option that stands for the drawn scenes that come with the project."""
    paths = getattr(datamodule.splits["test"], "paths", None)
    return shown(str(paths[0])) if paths is not None and len(paths) else "--example"


def _data_settings(run_dir: Path) -> list[str]:
    """Return what the run's command line said of its data, quoted for a shell; nothing of the built-in data."""
    about = run_dir / ".hydra" / "hydra.yaml"
    hydra = OmegaConf.load(about).hydra if about.is_file() else HydraConfig.get()
    option = hydra.runtime.choices["data"]
    chosen = [f"data={option}"] if option != BUILT_IN else []
    own = [text for text in hydra.overrides.task if text.startswith("data.") and not text.startswith("data.look=")]
    return [shell_command(text) for text in (*chosen, *own)]
