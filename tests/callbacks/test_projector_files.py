"""The projector's files, as several writers one after the other leave them."""

from pathlib import Path

import pytest
import torch
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from torch.utils.tensorboard import SummaryWriter

from callbacks.projector_files import CONFIG, Point, add_embedding

POINTS = [Point("a dog\truns\n", "1.jpg"), Point("two cats", "2.jpg"), Point("x", "2.jpg")]


def _write(folder: Path, *steps: int) -> None:
    with SummaryWriter(str(folder)) as writer:
        for step in steps:
            add_embedding(writer, "style", step, torch.full((3, 4), float(step)), POINTS, torch.rand(3, 3, 8, 8))


def _config(folder: Path) -> ProjectorConfig:
    return text_format.Parse((folder / CONFIG).read_text(), ProjectorConfig())


def test_each_step_is_listed_once_over_several_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, 2, 5)
    _write(tmp_path, 5, 12)  # a run that went on from before step 5
    config = _config(tmp_path)
    assert [info.tensor_name for info in config.embeddings] == ["style:00002", "style:00005", "style:00012"]
    for info, step in zip(config.embeddings, (2, 5, 12), strict=True):
        assert (tmp_path / info.tensor_path).read_text().split() == [f"{step:.1f}"] * 12
        assert (tmp_path / info.sprite.image_path).read_bytes().startswith(b"\x89PNG")
        assert list(info.sprite.single_image_dim) == [8, 8]
    assert capsys.readouterr().out == ""


def test_every_point_has_one_line_of_two_columns(tmp_path: Path) -> None:
    _write(tmp_path, 2)
    (info,) = _config(tmp_path).embeddings
    lines = (tmp_path / info.metadata_path).read_text().splitlines()
    assert lines == ["caption\timage", "a dog runs\t1.jpg", "two cats\t2.jpg", "x\t2.jpg"]


def test_a_list_that_was_cut_short_is_written_anew(tmp_path: Path) -> None:
    _write(tmp_path, 2)
    (tmp_path / CONFIG).write_text("embeddings {\n  tensor_na")
    _write(tmp_path, 5)
    assert [info.tensor_name for info in _config(tmp_path).embeddings] == ["style:00005"]
