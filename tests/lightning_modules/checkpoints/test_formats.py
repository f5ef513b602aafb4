"""Checkpoints of earlier versions: `format_2.json` holds the settings and the shapes of the weights of real ones."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules import load_captioner
from lightning_modules.checkpoints.formats import CHECKPOINT_FORMAT, read_checkpoint
from lightning_modules.generation import Greedy
from tests.tiny_run import TinyRun

FORMAT_2: dict[str, Any] = json.loads(Path(__file__).with_name("format_2.json").read_text("utf-8"))


def _saved(name: str, folder: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    weights = {key: torch.rand(shape, generator=generator) for key, shape in FORMAT_2[name]["shapes"].items()}
    path = folder / "old.ckpt"
    torch.save({"facet_format": 2, "hyper_parameters": FORMAT_2[name]["hyper_parameters"], "state_dict": weights}, path)
    return path


@pytest.mark.parametrize("name", FORMAT_2)
def test_a_checkpoint_of_format_2_is_read_in_the_words_of_now(name: str, tmp_path: Path) -> None:
    path = _saved(name, tmp_path)
    captioner = load_captioner(path)
    before, now = torch.load(path, weights_only=True)["state_dict"], captioner.state_dict()
    for old, new in zip(before.values(), now.values(), strict=True):  # in their order, whatever they are called now
        torch.testing.assert_close(new, old.to(new.dtype))
    batch = torch.randint(0, 256, (2, 3, captioner.image_size, captioner.image_size), dtype=torch.uint8)
    assert len(captioner.generate(captioner.encode(batch), Greedy(max_length=5)).captions) == 2


def test_what_is_read_says_that_it_is_of_the_format_of_now(tmp_path: Path) -> None:
    read = read_checkpoint(_saved("gru", tmp_path))
    assert read["facet_format"] == CHECKPOINT_FORMAT
    assert read.keys() >= {"hyper_parameters", "state_dict"}


def test_a_checkpoint_of_format_3_is_read_in_the_words_of_now(trained: TinyRun, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(trained.best)
    settings = checkpoint["hyper_parameters"]
    tokenizer = json.loads(settings["tokenizer"])
    earlier = {"_target_": "lightning_modules.generation.Latent", "num": 2, "temperature": 0.5, "max_length": 6}
    of_format_3 = {
        **settings,
        "generation": earlier,
        "tokenizer": json.dumps({**tokenizer, "max_length": tokenizer["max_length"] - 1}),
    }
    path = tmp_path / "format_3.ckpt"
    torch.save({**checkpoint, "facet_format": 3, "hyper_parameters": of_format_3}, path)
    captioner = load_captioner(path)
    assert captioner.strategy.latents.style_scale == 0.5
    assert captioner.tokenizer.to_json() == settings["tokenizer"]
