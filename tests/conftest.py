"""What all tests share: a known random state, one thread, no GPU, and one tiny trained model."""

import os
from collections.abc import Generator
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks: the same tests with and without a GPU
os.environ["EAGER_IMPORT"] = "1"  # lazy packages whole at once, so that forks need not import them one by one

import hypothesis
import pytest
import torch

from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_parts import Parts
from tests.tiny_run import TinyRun, run_tiny

torch.set_num_threads(1)

# The same examples in every run, and few; FACET_FUZZ_EXAMPLES=10000 looks for more, each time for others.
more_examples = os.environ.get("FACET_FUZZ_EXAMPLES")
hypothesis.settings.register_profile(
    "facet", max_examples=int(more_examples or 60), derandomize=more_examples is None, deadline=None, database=None
)
hypothesis.settings.load_profile("facet")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what is no text in what a test has printed, such as odd file names: its process could not send it."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def _known_random_state() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of the default config, made small: two steps of training, then the test split."""
    return run_tiny(tmp_path_factory.mktemp("runs") / "trained")


@pytest.fixture(scope="session")
def without_images(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of the default config, made small, without an image decoder."""
    choices = ["model/image_decoder=none"]
    return run_tiny(tmp_path_factory.mktemp("runs") / "without_images", "test=false", choices=choices)


@pytest.fixture(scope="session")
def flickr8k(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyRun, Path]:
    """A run on photographs, and the folder of their data set."""
    folder = tmp_path_factory.mktemp("photographs")
    root = TinyFlickr8k(folder / "flickr8k").root
    return run_tiny(folder / "run", f"data.root={root}", "test=false", choices=["data=flickr8k"]), root


@pytest.fixture(scope="session")
def trained_vae(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of a discrete VAE, made small."""
    return run_tiny(tmp_path_factory.mktemp("runs") / "vae", "test=false", choices=["model=discrete_vae"])


@pytest.fixture(scope="session")
def trained_dalle(trained_vae: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A run of a transformer on its codes, made small, then the test split."""
    choices = ["model=dalle", f"model.vae.checkpoint={trained_vae.best}"]
    return run_tiny(tmp_path_factory.mktemp("runs") / "dalle", choices=choices)


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A tiny model with its data, to build trainers for."""
    return Parts(tmp_path_factory.mktemp("parts"))
