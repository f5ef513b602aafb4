"""No damaged checkpoint is ever taken for an intact one. `benchmarks/faults.py` tries more of them."""

import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch

from lightning_modules import load_captioner
from lightning_modules.checkpoints.durable_io import read_intact
from tests.faults.corruption import DAMAGE, outcome, same
from tests.tiny_run import TinyRun


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_detected_or_harmless(kind: str, trained: TinyRun, tmp_path: Path) -> None:
    content, original = trained.best.read_bytes(), read_intact(trained.best)
    draw = random.Random(kind)
    found = Counter(outcome(content, kind, draw, original=original, path=tmp_path / "damaged.ckpt") for _ in range(12))
    assert found["misread"] == 0
    assert found["detected"] > 0


def test_a_flipped_bit_of_a_weight_is_found(trained: TinyRun, tmp_path: Path) -> None:
    """PyTorch alone reads it without a word."""
    content, path = bytearray(trained.best.read_bytes()), tmp_path / "flipped.ckpt"
    with zipfile.ZipFile(trained.best) as archive:
        tensors = [part for part in archive.infolist() if "/data/" in part.filename]
        weights = archive.read(max(tensors, key=lambda part: part.file_size))
    content[content.index(weights) + len(weights) // 2] ^= 1
    path.write_bytes(content)
    assert not same(torch.load(path, weights_only=True), torch.load(trained.best, weights_only=True))
    with pytest.raises(ValueError, match=r"flipped.ckpt: not a readable checkpoint \(.*/data/\d+ is damaged\)"):
        load_captioner(path)
