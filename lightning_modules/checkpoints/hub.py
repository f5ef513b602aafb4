"""Models taken along: saved as a folder, and read from a folder or from the Hugging Face hub, also offline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_modules.base import FacetModule
from lightning_modules.checkpoints.averaging import as_checkpoint
from lightning_modules.checkpoints.loading import load_module
from lightning_modules.checkpoints.model_card import Origin, model_card
from lightning_modules.checkpoints.model_folder import CONFIG, IMAGES, TOKENIZER, WEIGHTS, write_model_folder
from utils.files import new_folder

USAGE = """\
```bash
python caption.py FOLDER photo.jpg
```

FOLDER is this folder; `evaluate.py`, `average.py` and `train.py pretrained_model=FOLDER` take it, too, and in Python
`lightning_modules.from_pretrained`, which also takes its name on the hub. The files hold tensors and settings, no code.
"""

HALF = "Weights are written as 16-bit floats; what reads them computes in 32 bits.\n"


def save_pretrained(
    module: FacetModule, folder: str | Path, *, origin: Origin | None = None, option: str = "", half: bool = False
) -> None:
    """Write a model as a folder that can be passed on, or uploaded to the hub (`hf upload owner/name FOLDER`).

    It holds `config.json`, `model.safetensors`, `tokenizer.json`, the keys of training images and a model card, and is
    read wherever a checkpoint is.

    Args:
        module: The model.
        folder: The folder, which is made.
        origin: What is known of where the model comes from, for its card.
        option: What names the folder on the command line, for errors.
        half: Whether weights are written as 16-bit floats, in half the room.

    Raises:
        ValueError: Something of that name is there already, the model's settings are not plain values, or a weight is
            too large for 16 bits.
    """
    folder = Path(folder)
    with new_folder(folder, option) as unfinished:
        usage = USAGE + HALF if half else USAGE
        card = model_card(module, origin or Origin(), usage, title=folder.resolve().name)
        write_model_folder(unfinished, as_checkpoint(module), card, half=half)


def from_pretrained(
    name: str | Path,
    *,
    revision: str | None = None,
    trusted_packages: Sequence[str] = (),
    local_files_only: bool = False,
) -> FacetModule:
    """Read a model that `save_pretrained` wrote, as `load_module` does: no code of its own runs.

    Args:
        name: A folder, a checkpoint file, or the name of a model on the hub, such as `owner/name`.
        revision: Of a model on the hub: a branch, a tag or a commit; None for the newest.
        trusted_packages: Packages of yours that the model may build parts from.
        local_files_only: Take from the hub what was downloaded before, without a network; so does `HF_HUB_OFFLINE=1`.

    Raises:
        ValueError: There is no such model, or it cannot be read (see `load_module`).
    """
    path = Path(name) if Path(name).exists() else _downloaded(str(name), revision, local_files_only)
    return load_module(path, trusted_packages=trusted_packages)


def _downloaded(name: str, revision: str | None, local_files_only: bool) -> Path:
    """Return the folder that the hub's client keeps a model in, which it downloads where it has to."""
    from huggingface_hub import snapshot_download  # here: few need it, and it takes its time

    settings: dict[str, Any] = {"allow_patterns": [CONFIG, WEIGHTS, TOKENIZER, IMAGES], "revision": revision}
    try:
        return Path(snapshot_download(name, local_files_only=local_files_only, **settings))
    except Exception as error:  # of the network, of the name, of the hub: in many types
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{name}: there is no such folder or file, and the hub gave no model of that name ({reason}); check the "
            f"name and the network, or download it elsewhere (hf download {name}) and name the folder"
        ) from error
