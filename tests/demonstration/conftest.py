"""Demos of tiny models, and a browser to look at it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lightning_modules import CaptioningModule, load_captioner
from tests.tiny_run import ROOT, TinyRun


@pytest.fixture(scope="session")
def captioner(trained: TinyRun) -> CaptioningModule:
    """The tiny model, which was trained on drawn scenes."""
    return load_captioner(trained.best).eval()


@contextmanager
def demo_of(checkpoint: Path, folder: Path) -> Iterator[str]:
    """Run demo.py as a process of its own; its address."""
    pytest.importorskip("gradio", reason="the extra `demo` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    errors = folder / "stderr.txt"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, ROOT / "demo.py", checkpoint, "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # beside other tests several would wait for each other
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            assert told == f"the demo is at http://127.0.0.1:{port}/ (Ctrl+C ends it)\n", errors.read_text()
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def demo_url(trained: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo of the tiny model."""
    with demo_of(trained.best, tmp_path_factory.mktemp("demo")) as url:
        yield url


@pytest.fixture(scope="session")
def drawing_url(trained_dalle: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo of a tiny model that draws."""
    with demo_of(trained_dalle.best, tmp_path_factory.mktemp("drawing")) as url:
        yield url


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of one's own."""
    from PIL import Image

    path = tmp_path_factory.mktemp("photos") / "my photo.jpg"
    Image.effect_noise((90, 70), 90).convert("RGB").save(path)
    return path
