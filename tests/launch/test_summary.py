from pathlib import Path

import pytest

from launch.summary import examples
from lightning_modules import Example
from tests.tiny_run import build_tiny
from utils.display import flatten, shown


def test_settings_are_flattened_to_one_level() -> None:
    config = {"seed": 1, "model": {"loss": {"beta": 1.0}, "betas": [0.9, 0.99], "path": None}, "empty": {}}
    assert flatten(config) == {
        "seed": 1,
        "model.loss.beta": 1.0,
        "model.betas": "[0.9, 0.99]",
        "model.path": None,
    }


def test_examples_pair_what_the_model_says_with_what_people_said_of_the_same_image(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    captioner.train()
    found = examples(captioner, datamodule)
    batch = next(iter(datamodule.val_dataloader()))
    captioner.eval()
    generated = captioner.generate(captioner.encode(batch.images_BCHW)).captions
    assert found == [
        Example(captions[0], references[0]) for captions, references in zip(generated, batch.references, strict=True)
    ]


def test_paths_are_shown_as_one_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a" / "b.ckpt") == "a/b.ckpt"
    assert shown("a/b.ckpt") == "a/b.ckpt"
    assert shown("/elsewhere/b.ckpt") == "/elsewhere/b.ckpt"
