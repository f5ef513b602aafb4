"""What all tests share: a known random state, one thread, no GPU, and one tiny trained model."""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks: the same tests with and without a GPU

import pytest
import torch

from tests.tiny_run import TinyRun, run_tiny

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _known_random_state() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of the default config, made small: two steps of training, then the test split."""
    return run_tiny(tmp_path_factory.mktemp("runs") / "trained")
