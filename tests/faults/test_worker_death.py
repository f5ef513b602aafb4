"""A process that loads images is killed, as the system does when memory runs out."""

import os
import signal
import time
from pathlib import Path

import pytest
from torch import Tensor
from torch.utils.data import get_worker_info
from torch.utils.data._utils import signal_handling

from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import run_tiny


class Die:
    """A transform of training images that ends the process that loads them, but not the training process."""

    def __call__(self, image: Tensor) -> Tensor:
        worker = get_worker_info()
        if worker is not None and worker.id == 0:
            time.sleep(1)  # both processes are there
            os.kill(os.getpid(), signal.SIGKILL)
        return image


def test_the_run_ends_in_seconds_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_handling, "_SIGCHLD_handler_set", False)  # as in a new process
    data = TinyFlickr8k(tmp_path / "flickr8k")
    settings = [f"data.root={data.root}", "data.num_workers=2", "test=false"]
    choices = ["data=flickr8k", "metrics=rouge", "model/image_decoder=none"]
    run_tiny(tmp_path / "before", *settings, choices=choices)  # as in a sweep
    start = time.perf_counter()
    dying = "data.train_transform={_target_:tests.faults.test_worker_death.Die}"
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", *settings, dying, choices=choices)
    assert time.perf_counter() - start < 60
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert error.startswith("error: a process that loads images is killed by signal: Killed: something stopped it")
    assert "lower data.num_workers=2 or data.batch_size=4" in error
    assert "data.num_workers=0 loads in the main process and shows what fails" in error
