"""A demo of the tiny model, and a browser to look at it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightning_modules import CaptioningModule, load_captioner
from tests.tiny_run import ROOT, TinyRun


@pytest.fixture(scope="session")
def captioner(trained: TinyRun) -> CaptioningModule:
    """The tiny model, which was trained on drawn scenes."""
    return load_captioner(trained.best).eval()


@pytest.fixture(scope="session")
def demo_url(trained: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of demo.py, which runs as a process of its own."""
    pytest.importorskip("gradio", reason="the extra `demo` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    errors = tmp_path_factory.mktemp("demo") / "stderr.txt"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, ROOT / "demo.py", trained.best, "--port", str(port)],
            cwd=ROOT,
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
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of one's own."""
    from PIL import Image

    path = tmp_path_factory.mktemp("photos") / "my photo.jpg"
    Image.effect_noise((90, 70), 90).convert("RGB").save(path)
    return path
