from pathlib import Path

import pytest

from launch.styled_captions import StyledCaption, first_of_each, styled_captions
from launch.summary import examples, in_styles
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


def test_examples_pair_generated_captions_with_references_of_the_same_image(tmp_path: Path) -> None:
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


def test_one_image_is_shown_in_the_styles_of_its_data(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    found = styled_captions(captioner, datamodule)
    assert 1 <= len(found) <= 5
    assert found == styled_captions(captioner, datamodule)
    image_id = datamodule.splits["val"].image_ids[0]
    assert [caption.is_true for caption in found] == [
        datamodule.is_true(caption.caption, image_id) for caption in found
    ]
    assert len({caption.caption for caption in found}) == len(found)


def test_captions_of_new_styles_come_first() -> None:
    assert first_of_each(["terse", "terse", None, "wordy", None], 5) == [0, 2, 3, 1, 4]
    assert first_of_each(["terse", "terse", None, "wordy", None], 2) == [0, 2]


def test_styles_and_truth_are_told_where_the_data_know_them() -> None:
    shown_lines = in_styles([StyledCaption("a dog", "terse", False), StyledCaption("a cat", None, None)]).splitlines()
    assert shown_lines[1:3] == ["    a dog (terse, not true)", "    a cat (no style of the data)"]
    assert in_styles([]) == ""
