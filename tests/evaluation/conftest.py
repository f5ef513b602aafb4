"""A tiny captioner, and the images of a split that it describes."""

import pytest
import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, encode_images
from lightning_modules import VariationalCaptioner
from tests.tiny_run import build_tiny


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[VariationalCaptioner, CaptionSplit]:
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(
        tmp_path_factory.mktemp("runs") / "run", choices=["model/latents=gaussian", "model/combiner=mult"]
    )
    with torch.no_grad():
        captioner.network.latents.style_posterior.weight.mul_(20)  # styles that differ from image to image
    return captioner.eval(), datamodule.splits["train"]


@pytest.fixture(scope="module")
def captioner(built: tuple[VariationalCaptioner, CaptionSplit]) -> VariationalCaptioner:
    return built[0]


@pytest.fixture(scope="module")
def split(built: tuple[VariationalCaptioner, CaptionSplit]) -> CaptionSplit:
    return built[1]


@pytest.fixture(scope="module")
def batches(captioner: VariationalCaptioner, split: CaptionSplit) -> list[EncodedBatch]:
    """Six images in batches of four and two."""
    return [*encode_images(captioner, split, num_images=6, batch_size=4)]
