"""The formats of checkpoints: those of earlier versions are put into the words of this one as they are read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_modules.checkpoints.durable_io import read_intact

CHECKPOINT_FORMAT = 3  # raised whenever a name in a checkpoint changes
PARTS = {"facet_format": int, "hyper_parameters": dict, "state_dict": dict}

CLASS_OF_FORMAT_2 = "lightning_modules.VariationalCaptioner"
MOVED_TARGETS = {"lightning_modules.warmup_cosine.WarmupCosine": "lightning_modules.schedules.WarmupCosine"}
RENAMED_SETTINGS = {
    "noise_scale": "latent_scale",
    "place_dim": "position_dim",
    "places_width": "memory_dim",
    "truth_share": "teacher_forcing_ratio",
}
RENAMED_WEIGHTS = (
    (r"\blatents\.places\.", "latents.memory."),
    (r"\bdecoder_text\.enter\.", "decoder_text.input_projection."),
    (r"\bdecoder_text\.add_to_words\.", "decoder_text.context_projection."),
    (r"\bdecoder_text\.layers\.(\d+)\.look\.", r"decoder_text.layers.\1.cross_attention."),
    (r"\bdecoder_image\.read\.", "decoder_image.caption_reader."),
    (r"\bdecoder_image\.ask\.place_PH", "decoder_image.word_attention.position_PH"),
    (r"\bdecoder_image\.ask\.", "decoder_image.word_attention."),
    (r"\bdecoder_image\.draw\.", "decoder_image.upsampling."),
)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of this project, of this version's format or of one that can be put into it.

    Raises:
        ValueError: The file is not there, is damaged, is no checkpoint of this project, or has an unknown format.
    """
    checkpoint = read_intact(path)
    if not isinstance(checkpoint, dict) or not all(isinstance(checkpoint.get(k), t) for k, t in PARTS.items()):
        raise ValueError(f"{path}: not a checkpoint of this project; expected one written by train.py")
    checkpoint = upgraded(checkpoint)
    found = checkpoint["facet_format"]
    if found != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path}: this checkpoint has format {found}, this version reads format {CHECKPOINT_FORMAT}; "
            f"use the version that wrote it, or train again"
        )
    return checkpoint


def upgraded(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint as this version would have written it; one of another format than 2 as it is."""
    if checkpoint.get("facet_format") != 2:
        return dict(checkpoint)
    return {
        **checkpoint,
        "facet_format": CHECKPOINT_FORMAT,
        "facet_class": CLASS_OF_FORMAT_2,
        "hyper_parameters": _settings(checkpoint["hyper_parameters"]),
        "state_dict": {_weight(name): tensor for name, tensor in checkpoint["state_dict"].items()},
    }


def _settings(value: Any) -> Any:
    """Return settings with the keys and targets of now, in their order."""
    if isinstance(value, Mapping):
        return {RENAMED_SETTINGS.get(key, key): _settings(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_settings(inner) for inner in value]
    return MOVED_TARGETS.get(value, value) if isinstance(value, str) else value


def _weight(name: str) -> str:
    for old, new in RENAMED_WEIGHTS:
        name = re.sub(old, new, name)
    return name
