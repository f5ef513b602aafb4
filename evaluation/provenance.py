"""What an evaluation was made of, for its readers."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from evaluation.score_file.summary import TOKENIZER
from evaluation.setup import Evaluated, checkpoints_of
from lightning_modules.checkpoints.formats import checkpoint_checksum
from utils.display import flatten
from utils.version import facet_version


def title_of(evaluated: Evaluated, config: DictConfig) -> str:
    """Return such as "flickr8k, test: latent", and the mark of images that were trained on."""
    choices = HydraConfig.get().runtime.choices
    mark = evaluated.training.mark
    return f"{choices['data']}, {config.split}: {choices['generation']}{f' ({mark})' if mark else ''}"


def provenance_of(
    evaluated: Evaluated, config: DictConfig, *, num_generated: int, mean_draws: float | None, seconds: float
) -> dict[str, str]:
    """Return what a reader asks first, label to text.

    Args:
        evaluated: What was evaluated.
        config: The config.
        num_generated: Captions of each image that the strategy returns.
        mean_draws: How many of each were generated on average for it to select these; None where it selects none.
        seconds: How long it took to generate them.
    """
    choices = HydraConfig.get().runtime.choices
    num_images = evaluated.num_images
    captions = str(num_generated) if config.num_kept is None else f"{config.num_kept} of {num_generated}"
    if mean_draws is not None:
        captions += f", selected from {mean_draws:.1f} draws on average"
    return {
        "checkpoint": " and ".join(
            f"{Path(checkpoint).name} (SHA-256 {checkpoint_checksum(checkpoint)[:12]}…)"
            for checkpoint in checkpoints_of(config)
        ),
        "images": f"{num_images:,} of {choices['data']}, {config.split}",
        "captions of each": captions,
        "strategy": _told(choices["generation"], config.generation, num=num_generated),
        "ranking": _told(choices["ranking"], config.ranking),
        "seed": str(config.seed),
        "time": f"{seconds:,.1f} s for the captions, {num_images * num_generated / seconds:,.0f} a second, "
        f"on {evaluated.captioner.device}",
    }


def settings_of(evaluated: Evaluated, config: DictConfig) -> dict[str, Any]:
    """Return all that the scores depend on."""
    checksums = [checkpoint_checksum(checkpoint) for checkpoint in checkpoints_of(config)]
    return {
        "facet": facet_version(),
        "tokenizer": TOKENIZER,
        "trained_images": evaluated.training.mark,
        "notes": [*evaluated.training.notes],
        "checkpoint_sha256": checksums[0] if len(checksums) == 1 else checksums,
        "config": OmegaConf.to_container(config, resolve=True),
    }


def _told(choice: str, settings: DictConfig, **decided: Any) -> str:
    flat = {key: decided.get(key, value) for key, value in flatten(settings).items()}
    flat = {key: value for key, value in flat.items() if not key.endswith("_target_") and value is not None}
    return choice + ("" if not flat else f" ({', '.join(f'{key}={value}' for key, value in flat.items())})")
