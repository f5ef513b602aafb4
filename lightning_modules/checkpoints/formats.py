"""What a checkpoint says of itself; those of earlier versions are put into the words of this one as they are read."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.durable_io import read_intact
from lightning_modules.checkpoints.model_folder import CONFIG, is_model_folder, read_model_folder
from utils.files import file_checksum

CHECKPOINT_FORMAT = 4  # raised whenever a name in a checkpoint changes
PARTS = {"facet_format": int, "facet_class": str, "hyper_parameters": dict, "state_dict": dict}

CAPTIONER, SELF_CRITICAL = "lightning_modules.VariationalCaptioner", "lightning_modules.SelfCriticalCaptioner"
MOVED_TARGETS = {
    "lightning_modules.self_critical.SelfCritical": "lightning_modules.SelfCritical",
    "lightning_modules.warmup_cosine.WarmupCosine": "lightning_modules.schedules.WarmupCosine",
}
RENAMED_SETTINGS = {
    "noise_scale": "latent_scale",
    "place_dim": "position_dim",
    "truth_share": "teacher_forcing_ratio",
}
LATENT_SETTINGS = {"temperature": "latent_scale"}
RENAMED_WEIGHTS = (
    (r"\bmiddle\.enter\.", "middle.input_projection."),
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

    A folder that `save_pretrained` wrote is read as one.

    Raises:
        ValueError: The file is not there, is damaged, is no checkpoint of this project, or has an unknown format.
    """
    checkpoint = read_model_folder(path) if is_model_folder(path) else read_intact(path)
    alien = f"{path}: not a checkpoint of this project; expected one written by train.py"
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("facet_format"), int):
        raise ValueError(alien)
    found = checkpoint["facet_format"]
    if found not in (2, 3, CHECKPOINT_FORMAT):
        raise ValueError(
            f"{path}: this checkpoint has format {found}, this version reads format {CHECKPOINT_FORMAT}; "
            f"use the version that wrote it, or train again"
        )
    checkpoint = upgraded(checkpoint)
    if not all(isinstance(checkpoint.get(name), kind) for name, kind in PARTS.items()):
        raise ValueError(alien)
    return checkpoint


def checkpoint_checksum(path: str | Path) -> str:
    """Return the SHA-256 of a checkpoint; of a folder that of its settings, which hold those of its other files."""
    return file_checksum(Path(path) / CONFIG if is_model_folder(path) else Path(path))


def header(module: type, record: TrainingRecord | None) -> dict[str, Any]:
    """Return what every checkpoint says of itself.

    Args:
        module: The class of the model.
        record: What it was trained on; None where nothing is known.
    """
    return {
        "facet_format": CHECKPOINT_FORMAT,
        "facet_class": public_name(module),
        "trained_on": None if record is None else record.to_checkpoint(),
    }


def public_name(module: type) -> str:
    """Return the shortest dotted name that a class can be imported by, so that its file can move."""
    parts = module.__module__.split(".")
    packages = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    found = (name for name in packages if getattr(sys.modules.get(name), module.__qualname__, None) is module)
    return f"{next(found, module.__module__)}.{module.__qualname__}"


def upgraded(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint as this version would have written it; one of this format, or of an unknown one, as it is."""
    if checkpoint.get("facet_format") not in (2, 3) or not {"hyper_parameters", "state_dict"} <= checkpoint.keys():
        return dict(checkpoint)
    checkpoint = _from_format_2(checkpoint) if checkpoint["facet_format"] == 2 else checkpoint
    return _from_format_3(checkpoint)


def _from_format_3(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the scale of latents, and count the end of a caption among its tokens."""
    settings = dict(checkpoint["hyper_parameters"])
    generation = settings.get("generation")
    if isinstance(generation, Mapping) and str(generation.get("_target_", "")).endswith(".Latent"):
        settings["generation"] = {LATENT_SETTINGS.get(key, key): value for key, value in generation.items()}
    if isinstance(settings.get("tokenizer"), str):
        tokenizer = json.loads(settings["tokenizer"])
        settings["tokenizer"] = json.dumps({**tokenizer, "max_length": tokenizer["max_length"] + 1})
    return {**checkpoint, "facet_format": CHECKPOINT_FORMAT, "hyper_parameters": settings}


def _from_format_2(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Rename settings, targets and weights, and name the class."""
    settings = _settings(checkpoint["hyper_parameters"])
    latents, encoder = settings.get("latents", {}), settings.get("encoder", {})
    if "places_width" in latents:  # was a setting of what reads the features
        settings = {
            **settings,
            "latents": {name: value for name, value in latents.items() if name != "places_width"},
            "encoder": {**encoder, "memory_dim": latents["places_width"]},
        }
    if not settings.get("self_critical"):  # was a setting of every captioner, empty for none
        settings.pop("self_critical", None)
    return {
        **checkpoint,
        "facet_class": SELF_CRITICAL if "self_critical" in settings else CAPTIONER,
        "hyper_parameters": settings,
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
