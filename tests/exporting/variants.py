"""Small models with random weights, exported; each takes seconds, so all tests share them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from exporting.arguments import parse_arguments
from exporting.run import run
from exporting.runner.model import Model
from lightning_modules import VariationalCaptioner, load_captioner, save_module
from tests.tiny_run import build_tiny

NO_IMAGES = "model/image_decoder=none"
VARIANTS: dict[str, tuple[str, ...]] = {
    "gru_gaussian_resnet": (),
    "lstm_mixture_timm": (
        "model=timm",
        "model.encoder.backbone=test_efficientnet",
        "model.encoder.weights=null",
        "model/decoder=lstm",
        "model/combiner=film",
        "model/latents=conditional_mixture",
        NO_IMAGES,
    ),
    "transformer_categorical_bpe": (
        "model/encoder=resnet_attention",
        "model/decoder=transformer",
        "model.decoder.num_layers=2",
        "model/combiner=add",
        "model/latents=categorical_style",
        "tokenizer=bpe",
        "tokenizer.has_cls=true",
        NO_IMAGES,
    ),
}
SHARPER = 12.0  # times the last layer's random weights: words then depend on images and noise


@dataclass(frozen=True)
class Exported:
    """A model, its checkpoint, and the folder that it was exported to."""

    captioner: VariationalCaptioner
    checkpoint: Path
    folder: Path

    @property
    def runner(self) -> Model:
        return Model(self.folder, threads=1)


def save_tiny(folder: Path, choices: Sequence[str]) -> Path:
    """Write a checkpoint of a small model that was not trained."""
    torch.manual_seed(3)
    captioner, _ = build_tiny(folder / "run", choices=choices)
    with torch.no_grad():
        captioner.network.middle.to_vocabulary.weight.mul_(SHARPER)
    save_module(captioner, folder / "tiny.ckpt")
    return folder / "tiny.ckpt"


def export_tiny(folder: Path, choices: Sequence[str]) -> Exported:
    """Export such a model as ONNX files, by the command."""
    checkpoint = save_tiny(folder, choices)
    run(parse_arguments([str(checkpoint), "--to", "onnx", str(folder / "onnx")]))
    captioner = load_captioner(checkpoint)
    assert isinstance(captioner, VariationalCaptioner)
    return Exported(captioner, checkpoint, folder / "onnx")


def images(num: int = 5, size: int = 32) -> Tensor:
    """Return images of few large patches, which differ much."""
    coarse = torch.randint(256, (num, 3, 4, 4), generator=torch.Generator().manual_seed(1))
    return coarse.repeat_interleave(size // 4, dim=2).repeat_interleave(size // 4, dim=3).to(torch.uint8)
