"""A tiny captioner whose styles differ, and the features of two images."""

import pytest
import torch

from lightning_modules import VariationalCaptioner
from tests.tiny_run import build_tiny


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    torch.manual_seed(0)
    captioner, _ = build_tiny(tmp_path_factory.mktemp("runs") / "run")
    for parameter in captioner.parameters():  # captions that differ from style to style
        torch.nn.init.normal_(parameter, std=0.5)
    return captioner.eval()


@pytest.fixture
def features_BPD(captioner: VariationalCaptioner) -> torch.Tensor:
    return captioner.encode(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
