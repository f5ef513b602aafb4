"""A model as a folder in the conventions of the Hugging Face hub: settings as JSON, tensors as safetensors, no code.

config.json                    the class, the settings, checksums of the other files
model.safetensors              the weights
tokenizer.json                 the tokenizer, as the library `tokenizers` reads it
training_images.safetensors    keys of the images that it was trained on, where they are known
README.md                      the model card
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from lightning_modules.checkpoints.durable_io import write_durably
from utils.display import first_names

CONFIG, WEIGHTS, TOKENIZER, IMAGES, CARD = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "training_images.safetensors",
    "README.md",
)
FOLDER_FORMAT = 1  # of config.json
WRITTEN_BY = "expected one written by save_pretrained or export.py --to safetensors"


def is_model_folder(path: str | Path) -> bool:
    """Return whether a path is a folder, which may hold a model, and no checkpoint file."""
    return Path(path).is_dir()


def write_model_folder(folder: Path, checkpoint: Mapping[str, Any], card: str, *, half: bool = False) -> None:
    """Write what `read_model_folder` reads into a folder that exists.

    Args:
        folder: The folder.
        checkpoint: As `read_checkpoint` returns it; its settings are plain values.
        card: The text of `README.md`.
        half: Whether weights are written as 16-bit floats, in half the room; a model that reads them computes in 32.

    Raises:
        ValueError: The settings are not plain values, which JSON can hold, or a weight is too large for 16 bits.
    """
    settings = {key: value for key, value in checkpoint["hyper_parameters"].items() if key != "tokenizer"}
    tokenizer = json.loads(checkpoint["hyper_parameters"]["tokenizer"])
    weights = _halved(checkpoint["state_dict"]) if half else checkpoint["state_dict"]
    files = {TOKENIZER: tokenizer["tokenizer"].encode(), WEIGHTS: _packed(weights)}
    record = checkpoint["trained_on"]
    if record is not None:
        files[IMAGES] = _packed({"keys": record["keys"]})
    config = {
        "library_name": "facet",
        "format": FOLDER_FORMAT,
        "facet_format": checkpoint["facet_format"],
        "facet_class": checkpoint["facet_class"],
        "max_length": tokenizer["max_length"],
        "trained_on": record and {"sources": record["sources"], "complete": record["complete"]},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "settings": settings,
    }
    try:
        text = json.dumps(config, indent=2)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the model's settings cannot be written as JSON ({error}); use plain values") from error
    if json.loads(text)["settings"] != settings:
        raise ValueError("the model's settings are not the same once they are read from JSON; use plain values")
    for name, content in {**files, CARD: card.encode(), CONFIG: text.encode()}.items():
        write_durably(folder / name, content)


def read_model_folder(folder: str | Path) -> dict[str, Any]:
    """Read what `write_model_folder` wrote, as a checkpoint; no code of the folder's runs.

    Raises:
        ValueError: A file is missing or damaged, or the folder is of a format that is not known.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ValueError(f"{folder}: this folder holds no model (no {CONFIG}); {WRITTEN_BY}, or name a checkpoint file")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        found = config["format"] if isinstance(config, dict) else None
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(f"{folder / CONFIG}: not the settings of a model ({error!r}); {WRITTEN_BY}") from error
    if found != FOLDER_FORMAT:
        raise ValueError(
            f"{folder / CONFIG}: its format is {found!r}, this version reads format {FOLDER_FORMAT}; use the version "
            f"that wrote it, or export the model again"
        )
    try:
        files = {str(name): _intact(folder, str(name), checksum) for name, checksum in config["files"].items()}
        tokenizer = json.dumps({"max_length": config["max_length"], "tokenizer": files[TOKENIZER].decode()})
        known = config["trained_on"]
        record = known and {**known, "keys": load(files[IMAGES])["keys"]}
        return {
            "facet_format": config["facet_format"],
            "facet_class": config["facet_class"],
            "hyper_parameters": {**config["settings"], "tokenizer": tokenizer},
            "state_dict": load(files[WEIGHTS]),
            "trained_on": record,
        }
    except _DamagedError:
        raise
    except Exception as error:  # safetensors raises its own, and JSON of another shape fails in many ways
        raise ValueError(f"{folder}: not a readable model ({error!r}); {WRITTEN_BY}") from error


class _DamagedError(ValueError):
    """A file of the folder is not the one that was written."""


def _intact(folder: Path, name: str, checksum: str) -> bytes:
    if name not in (WEIGHTS, TOKENIZER, IMAGES):
        raise _DamagedError(f"{folder / CONFIG}: it names a file that no model has, {name!r}; {WRITTEN_BY}")
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise _DamagedError(f"{folder / name}: {error.strerror}; {WRITTEN_BY}, whole") from error
    if hashlib.sha256(content).hexdigest() != checksum:
        raise _DamagedError(f"{folder / name}: not the file that {CONFIG} tells of, or damaged; copy the folder again")
    return content


def _halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as 16-bit floats; what is no floating-point number stays as it is."""
    halved = {name: weight.half() if weight.is_floating_point() else weight for name, weight in weights.items()}
    large = [name for name, weight in halved.items() if weight.isinf().any() and not weights[name].isinf().any()]
    if large:
        raise ValueError(f"weights of {first_names(large)} are too large for 16-bit floats; leave --half out")
    return halved


def _packed(tensors: Mapping[str, Tensor]) -> bytes:
    # contiguous copies: safetensors takes neither other layouts nor tensors that share their memory
    return save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})
