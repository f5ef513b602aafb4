"""The benchmarks of speed measure what they say, tried in small: nothing of them may fail where it is dear to run."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from benchmarks.growth import Cost, exponent
from benchmarks.profiling import KINDS, PYTHON, kind_of
from benchmarks.training_steps import Sizes, made_up_batch, tokenizer_of


@pytest.mark.filterwarnings("ignore")  # torch.compile warns of much in what it reads
def test_the_script_for_gpus_measures_everything_in_small(tmp_path: Path) -> None:
    gpu.main(["--small", "--minutes", "60", "--out", str(tmp_path / "device")])
    figures = json.loads((tmp_path / "device.json").read_text("utf-8"))
    rows = figures["rows"]
    assert {name.partition(",")[0] for name in rows} == {
        "attainable", "training", "optimizer", "generation", "features"
    }  # fmt: skip
    assert not [row for row in rows.values() if "error" in row or "left_out" in row]
    steps = [row for name, row in rows.items() if name.startswith("training")]
    assert len(steps) == 2 * 2  # precisions, eager and compiled
    assert len({round(1e15 * row["TFLOP_per_second"] / row["steps_per_second"]) for row in steps}) == 1  # the same work
    table = (tmp_path / "device.md").read_text("utf-8")
    assert all(f"| {name}" in table for name in rows if name != "attainable")


def test_what_fails_or_has_no_time_keeps_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> gpu.Row:
        raise RuntimeError("out of memory\nat some length")

    monkeypatch.setattr(gpu, "measurements", lambda plan, limits: [("one", fails)])
    plan = gpu.small("cpu")
    assert gpu.measure(plan, seconds=60)["one"] == {"error": "RuntimeError: out of memory"}
    rows = gpu.measure(plan, seconds=-1)
    assert "left_out" in rows["one"]
    assert "| one | more than" in gpu.markdown({"device": "", "torch": "", "rows": rows})


def test_operators_are_sorted_by_what_they_do() -> None:
    kinds = [*KINDS]
    for name, kind in [("mm", 0), ("convolution_backward", 0), ("_softmax", 1), ("_log_softmax", 2), ("copy_", 6)]:
        assert kind_of(f"aten::{name}") == kinds[kind], name
    assert kind_of("aten::_fused_adamw_") == kinds[4]
    assert kind_of("MmBackward0") == PYTHON


def test_growth_is_a_power_of_the_size() -> None:
    assert exponent({1: Cost(9.0), 10: Cost(1.0), 100: Cost(100.0)}) == pytest.approx(2.0)


def test_a_made_up_batch_has_whole_captions() -> None:
    tokenizer = tokenizer_of(num_words=30)
    batch = made_up_batch(tokenizer.vocabulary, Sizes(images=3, captions=2, words=30, length=6, positions=4))
    assert batch.tokens_NL.shape == (6, 8)
    is_end_NL = batch.tokens_NL == tokenizer.vocabulary.eos_id
    assert torch.equal(is_end_NL.sum(dim=1), torch.ones(6, dtype=torch.long))
    num_words_N = is_end_NL.int().argmax(dim=1) - 1
    assert num_words_N.max() == 6
    assert num_words_N.min() >= 3
    assert torch.equal((batch.tokens_NL != tokenizer.vocabulary.pad_id).sum(dim=1), num_words_N + 2)
