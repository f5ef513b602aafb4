"""From a checkpoint to a folder of ONNX files, of programs, or for the hub."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captioning.images import find_images
from exporting.programs import write_onnx, write_program
from exporting.single_file import single_file
from lightning_modules import CaptioningModule, load_captioner, load_module, save_pretrained
from lightning_modules.checkpoints.formats import checkpoint_checksum, public_name
from lightning_modules.checkpoints.model_card import model_card, origin_of
from lightning_modules.exporting import ExportedModel, Part
from utils.display import shown
from utils.files import new_folder
from utils.progress import progress_bar
from utils.version import facet_version

MANIFEST, RUNNER, TOKENIZER, CARD = "export.json", "run.py", "tokenizer.json", "README.md"
FORMAT = 1  # of the manifest

ONNX_USAGE = """\
```bash
pip install numpy onnxruntime pillow
python run.py photo.jpg --strategy beam --num 3
```

`run.py` needs nothing else of Facet, and no PyTorch; `python run.py --help` lists its options. From Python: `Model` in
it. `export.json` tells what the parts take and return, and `tokenizer.json` is read by the library `tokenizers`, too.
"""
PROGRAMS_USAGE = """\
```python
import torch

encoder = torch.export.load("encoder.pt2").module()
```

Each file is a program of `torch.export`, which needs PyTorch and nothing of Facet. `export.json` tells what they take
and return, in their order.
"""


def run(options: argparse.Namespace) -> None:
    """Export the model that the command line names.

    Raises:
        ValueError: The checkpoint cannot be read, the model cannot be exported, or an option does not fit.
    """
    compared = find_images(options.compare_on)
    if options.to == "safetensors":
        module = load_module(options.checkpoint, trusted_packages=options.trust)
        save_pretrained(module, options.folder, origin=origin_of(options.checkpoint, options.scores), half=options.half)
        print(f"{shown(options.folder)}: {_size(options.folder)}")
        return
    captioner = load_captioner(options.checkpoint, trusted_packages=options.trust)
    exported = captioner.export_parts()
    with new_folder(options.folder) as folder:
        _write_parts(exported, folder, options)
        _write_about(captioner, exported, folder, options)
    print(f"{shown(options.folder)}: {_size(options.folder)}")
    if options.to == "onnx":
        _compare(captioner, options.folder, compared)


def _write_parts(exported: ExportedModel, folder: Path, options: argparse.Namespace) -> None:
    for name, part in progress_bar([*exported.parts.items()], unit="part", desc="export", leave=False):
        try:
            _write_part(part, folder / name, options)
        except OSError:
            raise
        except Exception as error:  # exporters raise of many types, and whole pages
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"--to {options.to}: the part {name} of this model cannot be exported ({reason}); --to safetensors "
                f"takes every model"
            ) from error


def _write_part(part: Part, path: Path, options: argparse.Namespace) -> None:
    if options.to == "torch_export":
        write_program(part, path.with_suffix(".pt2"))
        return
    write_onnx(part, path.with_suffix(".onnx"))
    if options.quantize:
        from exporting.quantization import quantize  # here: it needs the extra

        quantize(path.with_suffix(".onnx"))


def _write_about(
    captioner: CaptioningModule, exported: ExportedModel, folder: Path, options: argparse.Namespace
) -> None:
    suffix, usage = (".onnx", ONNX_USAGE) if options.to == "onnx" else (".pt2", PROGRAMS_USAGE)
    about = {**manifest(captioner, exported, suffix), "quantized": options.quantize}
    about["checkpoint_sha256"] = checkpoint_checksum(options.checkpoint)
    tokenizer = json.loads(captioner.tokenizer.to_json())["tokenizer"]
    card = model_card(
        captioner, origin_of(options.checkpoint, options.scores), usage, title=options.folder.resolve().name
    )
    texts = {MANIFEST: json.dumps(about, indent=1), TOKENIZER: tokenizer, CARD: card}
    if options.to == "onnx":
        texts[RUNNER] = single_file()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def manifest(captioner: CaptioningModule, exported: ExportedModel, suffix: str) -> dict[str, Any]:
    """Return what a runner must know of a model, as `export.json` holds it."""
    special = captioner.tokenizer.vocabulary
    return {
        "format": FORMAT,
        "facet": facet_version(),
        "class": public_name(type(captioner)),
        "image_size": captioner.image_size,
        "max_length": captioner.tokenizer.max_length,
        "first_id": exported.first_id,
        "pad_id": special.pad_id,
        "eos_id": special.eos_id,
        "suppressed_ids": [*special.suppressed_ids],
        "parts": {name: f"{name}{suffix}" for name in exported.parts},
        "inputs": {name: [*part.inputs] for name, part in exported.parts.items()},
        "outputs": {name: [*part.outputs] for name, part in exported.parts.items()},
        "noise": [part._asdict() for part in exported.noise],
        "fixed": [*exported.fixed],
        "carried": [*exported.carried],
    }


def _compare(captioner: CaptioningModule, folder: Path, images: Sequence[Path]) -> None:
    from exporting.comparison import compare, images_to_compare  # here: they need the extra
    from exporting.runner.model import Model

    images_BCHW = images_to_compare(images, captioner.image_size)
    print(compare(captioner, Model(folder), images_BCHW).told())


def _size(folder: Path) -> str:
    """Return the sizes of a folder's files, the largest first."""
    sizes = sorted(((file.stat().st_size, file.name) for file in folder.iterdir()), reverse=True)
    total = sum(size for size, _ in sizes)
    return f"{total / 1e6:.2f} MB ({', '.join(f'{name} {size / 1e6:.2f}' for size, name in sizes if size >= 5000)})"
