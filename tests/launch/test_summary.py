import shlex
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from PIL import Image
from pytorch_lightning import Trainer
from rich.console import Console

from launch.introduction import introduction
from launch.next_steps import next_steps
from launch.styled_captions import StyledCaption, first_of_each, styled_images
from launch.summary import examples, final_metrics, in_styles
from launch.trainer import build_trainer
from launch.training import build_module
from lightning_modules import Example
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import TinyRun, build_tiny, compose_tiny, compose_train, hydra_job
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


def test_the_table_of_figures_has_their_names_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"val/style_family/linear_probe": 0.5, "test/style_family/linear_probe": 0.25, "train/loss": 1.0}
    Console(width=50).print(final_metrics(figures, ["a mark"], tested="best checkpoint"))
    title, mark, *lines = capsys.readouterr().out.splitlines()
    assert (title.strip(), mark.strip()) == ("Final metrics", "a mark")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert ["".join(cells) for cells in zip(*rows, strict=True)] == ["style_family/linear_probe", "0.5000", "0.2500"]


def test_paths_are_shown_as_one_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a" / "b.ckpt") == "a/b.ckpt"
    assert shown("a/b.ckpt") == "a/b.ckpt"
    assert shown("/elsewhere/b.ckpt") == "/elsewhere/b.ckpt"


def test_images_are_shown_in_the_styles_of_their_data(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    images, val = styled_images(captioner, datamodule, 2), datamodule.splits["val"]
    assert [image.reference for image in images] == [captions[0] for captions in val.captions[:2]]
    for number, image in enumerate(images):
        assert torch.equal(image.image_3HW, val.load_image(number))
        found = image.captions
        assert 1 <= len(found) <= 5
        assert len({caption.caption for caption in found}) == len(found)
        truths = [datamodule.is_true(caption.caption, val.image_ids[number]) for caption in found]
        assert [caption.is_true for caption in found] == truths
    assert images[0].captions == styled_images(captioner, datamodule, 2)[0].captions


def test_the_picture_of_a_run_shows_images_and_what_is_made_of_them(trained: TinyRun, trained_vae: TinyRun) -> None:
    with Image.open(trained.folder / "summary.png") as picture:
        assert picture.width == 1156  # image, reconstruction, captions
        assert picture.height > 3 * 200
    with Image.open(trained_vae.folder / "summary.png") as picture:
        assert (picture.width, picture.height) == (442, 14 + 3 * (200 + 29 + 14))


def test_what_to_try_next_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hydra_job(compose_tiny(tmp_path / "my run", "~callbacks.progress_bar", "data.seed=3")) as config:
        trainer = build_trainer(config)
        datamodule = instantiate(config.data)
        datamodule.prepare_data()
        datamodule.setup()
        module = build_module(config.model, datamodule)
        monkeypatch.chdir(tmp_path)
        saved = tmp_path / "my run/checkpoints/best.ckpt"
        commands = [command for _, command in next_steps(saved, trainer, module, datamodule)]
        monkeypatch.setenv("FACET_COMMAND", "1")
        as_facet = [command for _, command in next_steps(saved, trainer, module, datamodule)]
        lines = [*introduction(trainer, module, datamodule)]
    caption, evaluate, curves = map(shlex.split, commands)
    assert caption == ["python", "caption.py", "my run/checkpoints/best.ckpt", "--example"]
    assert evaluate[:3] == ["python", "evaluate.py", "checkpoint=my run/checkpoints/best.ckpt"]
    assert compose_train(evaluate[2:], name="evaluate").data.seed == 3  # the data that it was trained on
    assert curves == ["tensorboard", "--logdir", "my run/tensorboard"]
    assert as_facet[0].startswith("facet caption ")
    assert "shapes: 8 images with 40 captions" in lines[0]
    assert f"{sum(parameter.numel() for parameter in module.parameters()):,} parameters to train" in lines[1]
    assert "1 epoch on the CPU; an epoch has 2 steps of 4 images" in lines[2]


def test_the_command_for_images_in_files_names_one_of_them(tmp_path: Path) -> None:
    root = TinyFlickr8k(tmp_path / "my flickr").root
    module, datamodule = build_tiny(tmp_path / "run", f"data.root='{root}'", choices=["data=flickr8k"])
    command = shlex.split(next(next_steps(tmp_path / "best.ckpt", Trainer(logger=False), module, datamodule))[1])
    assert Path(command[-1]).is_file()


def test_captions_of_new_styles_come_first() -> None:
    assert first_of_each(["terse", "terse", None, "wordy", None], 5) == [0, 2, 3, 1, 4]
    assert first_of_each(["terse", "terse", None, "wordy", None], 2) == [0, 2]


def test_styles_and_truth_are_told_where_the_data_know_them() -> None:
    shown_lines = in_styles([StyledCaption("a dog", "terse", False), StyledCaption("a cat", None, None)]).splitlines()
    assert shown_lines[1:3] == ["    a dog (terse, not true)", "    a cat (no style of the data)"]
    assert in_styles([]) == ""
