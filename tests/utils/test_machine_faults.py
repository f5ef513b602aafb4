import errno
from collections.abc import Callable

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

import caption
from tests.tiny_run import compose_train, hydra_job
from utils.errors import in_one_line
from utils.machine_faults import advice_on, out_of_memory

CONFIG = OmegaConf.create(
    {
        "data": {"batch_size": 64, "captions_per_image": 5, "image_size": 224, "num_workers": 2, "root": "???"},
        "trainer": {"precision": "32-true"},
    }
)
ADVICE = (
    "; lower data.batch_size=64 (and raise trainer.accumulate_grad_batches as much), data.captions_per_image=5, "
    "data.image_size=224, or set trainer.precision=bf16-mixed"
)
EXABYTE = 10**18


def _of_the_gpu() -> None:
    raise torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.2 GiB is "
        "free. If reserved but unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True"
    )


@pytest.mark.parametrize(
    ("allocate", "wanted"),
    [
        (_of_the_gpu, " (another 2.50 GiB were asked for)"),
        (lambda: torch.empty(EXABYTE, dtype=torch.uint8), f" (another {EXABYTE} bytes were asked for)"),
        (lambda: np.empty(EXABYTE, dtype=np.uint8), " (another 888. PiB were asked for)"),
        (lambda: bytearray(EXABYTE), ""),
    ],
)
def test_no_memory_is_one_line_with_the_fields_to_lower(
    allocate: Callable[[], object], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @in_one_line
    def job(config: DictConfig) -> None:
        allocate()

    with pytest.raises(SystemExit, match="1"):
        job(CONFIG)
    assert capsys.readouterr().err == f"error: out of memory{wanted}{ADVICE}\n"


def test_evaluation_has_fields_of_its_own() -> None:
    config = OmegaConf.create({"batch_size": 16, "num_captions": None, "data": {"image_size": 64}})
    assert advice_on(MemoryError(), config) == "out of memory; lower batch_size=16, data.image_size=64"
    assert advice_on(MemoryError(), None) == "out of memory; lower the batch size"


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("DataLoader worker (pid 123) is killed by signal: Killed. ", "is killed by signal: Killed"),
        (
            "DataLoader worker (pid(s) 12, 34) exited unexpectedly with exit code 1. Details are lost due to "
            "multiprocessing. Rerunning with num_workers=0 may give better error trace.",
            "exited unexpectedly with exit code 1",
        ),
    ],
)
def test_the_end_of_a_process_that_loads_images_is_named(message: str, what: str) -> None:
    advice = advice_on(RuntimeError(message), CONFIG)
    assert advice is not None
    assert advice.startswith(f"a process that loads images {what}: something stopped it")
    assert "lower data.num_workers=2 or data.batch_size=64" in advice


def test_the_signal_is_named_though_it_is_only_the_cause() -> None:
    error = RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")
    error.__cause__ = RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that")
    assert "a process that loads images is killed by signal: Bus error: " in str(advice_on(error, CONFIG))


def test_other_errors_are_not_the_machines() -> None:
    for error in (RuntimeError("shapes do not fit"), ValueError("not enough memory of this"), KeyError("x")):
        assert advice_on(error, CONFIG) is None
    assert out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


def test_a_sweep_hears_the_advice() -> None:
    with hydra_job(compose_train(["hydra.runtime.output_dir=.", "hydra.mode=MULTIRUN"], with_hydra=True)) as config:

        @in_one_line
        def job(config: DictConfig) -> None:
            _of_the_gpu()

        with pytest.raises(RuntimeError, match=r"^out of memory \(another 2.50 GiB .* lower data.batch_size=32"):
            job(config)


def test_caption_py_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captioning.run.run", lambda options: _of_the_gpu())
    with pytest.raises(
        SystemExit, match=r"^error: out of memory; lower --batch-size or --num, or choose --device cpu$"
    ):
        caption.main(["best.ckpt", "photo.jpg"])
