"""What a run says of itself before it trains: its data, its model, how much training, and where all of it goes."""

from collections.abc import Iterator, Mapping

from pytorch_lightning import Trainer
from pytorch_lightning.utilities import rank_zero_only
from torch import nn

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.token_table import flat_captions
from launch.checks import training_batches
from lightning_modules import CaptioningModule, FacetModule
from utils.display import shown


@rank_zero_only
def introduce(trainer: Trainer, module: FacetModule, datamodule: CaptionDataModule) -> None:
    """Print what is trained on what, in words."""
    print("\n".join(introduction(trainer, module, datamodule)), flush=True)


def introduction(trainer: Trainer, module: FacetModule, datamodule: CaptionDataModule) -> Iterator[str]:
    """Yield a line on each of data, model, training and outputs."""
    training, val, test = (datamodule.splits[name] for name in ("train", "val", "test"))
    words = f", {datamodule.tokenizer.vocabulary.size:,} tokens" if isinstance(module, CaptioningModule) else ""
    captions = f"{len(flat_captions(training.captions)):,} captions"
    yield (
        f"data:     {datamodule.source}: {len(training.image_ids):,} images with {captions}{words} to train on, "
        f"{len(val.image_ids):,} to validate, {len(test.image_ids):,} to test"
    )
    num = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    frozen = sum(parameter.numel() for parameter in module.parameters()) - num
    kept = f" and {frozen:,} that stay as they are" if frozen else ""
    parts = ", ".join(f"{type(part).__name__} {size:,}" for part, size in _parts(module).items())
    yield f"model:    {type(module).__name__} with {num:,} parameters to train{kept} ({parts})"
    where = trainer.strategy.root_device.type.upper()
    devices = f"{trainer.world_size} x {where}" if trainer.world_size > 1 else f"the {where}"
    batches = training_batches(trainer, datamodule)
    yield (
        f"training: {_length(trainer)} on {devices}; an epoch has {batches:,} steps of {datamodule.batch_size} images"
        + (" on each device" if trainer.world_size > 1 else "")
    )
    yield f"outputs:  {shown(trainer.default_root_dir)}"


def _parts(module: FacetModule) -> Mapping[nn.Module, int]:
    """Return the parts of a model that have parameters, and how many."""
    network = getattr(module, "network", module)
    sizes = {part: sum(parameter.numel() for parameter in part.parameters()) for part in network.children()}
    return {part: size for part, size in sizes.items() if size}


def _length(trainer: Trainer) -> str:
    """Return when training ends, as the settings have it."""
    ends = []
    if trainer.max_epochs not in (None, -1):
        ends.append(f"{trainer.max_epochs:,} epoch{'s' if trainer.max_epochs != 1 else ''}")
    if trainer.max_steps != -1:
        ends.append(f"{trainer.max_steps:,} steps")
    return ", or ".join(ends) or "until it is stopped"
