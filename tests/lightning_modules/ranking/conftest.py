"""A tiny captioner, its training images, and captions for the rankers to order."""

import pytest
import torch

from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample
from lightning_modules.ranking import Candidates
from tests.tiny_run import build_tiny

Tiny = tuple[VariationalCaptioner, CaptionSplit]


@pytest.fixture(scope="module", name="tiny")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(tmp_path_factory.mktemp("runs") / "run")
    return captioner.eval(), datamodule.splits["train"]


@pytest.fixture(scope="module")
def captioner(tiny: Tiny) -> VariationalCaptioner:
    return tiny[0]


@pytest.fixture(scope="module")
def training(tiny: Tiny) -> CaptionSplit:
    return tiny[1]


@pytest.fixture
def candidates(captioner: VariationalCaptioner) -> Candidates:
    """Four captions of each of three images."""
    images_BCHW = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)
    features_BPD = captioner.encode(images_BCHW)
    return Candidates(images_BCHW, features_BPD, captioner.generate(features_BPD, Sample(num=4, max_length=9)))
