from pathlib import Path

import pytest

from evaluation.clip_scores import clip_metrics, notes_on_clip
from metrics import PacScore
from tests.metrics.tiny_clip import IMAGE_SIZE, save_tiny_clip
from tests.tiny_run import compose_train


def test_what_the_config_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = save_tiny_clip(tmp_path / "clip")
    assert clip_metrics(compose_train([], name="evaluate").clip) == []
    (alone,) = clip_metrics(compose_train([f"clip.pac_model={folder}"], name="evaluate").clip)
    assert (type(alone), alone.weights) == (PacScore, None)
    both = ['clip.model="~/clip"', 'clip.pac_model="~/clip/model.safetensors"', "clip.batch_size=3"]
    first, pac = clip_metrics(compose_train(both, name="evaluate").clip)
    assert (first.label, pac.label) == ("CLIP-S", "PAC-S")
    assert pac.weights == folder / "model.safetensors"
    assert first.clip.batch_size == pac.clip.batch_size == 3


def test_a_note_tells_of_images_that_are_too_small(tmp_path: Path) -> None:
    folder = save_tiny_clip(tmp_path / "clip")
    metrics = clip_metrics(compose_train([f"clip.model={folder}"], name="evaluate").clip)
    assert notes_on_clip(metrics, IMAGE_SIZE) == notes_on_clip([], 1) == []
    (note,) = notes_on_clip(metrics, IMAGE_SIZE - 1)
    assert note.startswith("CLIP looks at 16×16 pixels, but saw images as the captioner does, at 15×15")
