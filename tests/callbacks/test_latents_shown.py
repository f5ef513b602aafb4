"""What TensorBoard shows of the latents, read back from event files of whole runs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from callbacks import LatentProjector, LatentScatter, StyleGrid, Traversals
from lightning_modules.checkpoints.durable_io import read_intact
from tests.faults.one_process import TWO_FORKS
from tests.tiny_run import ROOT, TinyRun, compose_train, run_tiny, scalars

CHOICES = ("model/latents=conditional", "model/scheduler=constant")
NEW = ("attention", "style_grid", "traversals", "latent_scatter", "kl_history", "latent_projector")
ONCE = ("val/style_scatter", "val/kl_style", "val/kl_content", "val/styles/8", "val/styles/9", "val/traversals/8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Two epochs of two steps, and the test split."""
    return run_tiny(tmp_path_factory.mktemp("runs") / "run", "trainer.max_epochs=2", choices=CHOICES)


def _sizes(run: TinyRun, tag: str) -> list[tuple[int, int, int]]:
    """Return step, width and height of each picture."""
    events = run.events.Images(tag)
    return [(event.step, *Image.open(io.BytesIO(event.encoded_image_string)).size) for event in events]


def _rows(run: TinyRun, tag: str) -> list[list[str]]:
    """Return the last table's cells, heading first."""
    text = run.events.Tensors(f"{tag}/text_summary")[-1].tensor_proto.string_val[0].decode()
    return [line.strip("| ").split(" | ") for line in text.splitlines() if not line.startswith("|--")]


def _ids(run: TinyRun, tag: str) -> list[str]:
    return [name.removeprefix(f"{tag}/") for name in run.events.Tags()["images"] if name.startswith(f"{tag}/")]


def _listed(run: TinyRun) -> list[str]:
    text = (run.folder / "tensorboard" / "projector_config.pbtxt").read_text()
    return [info.tensor_name for info in text_format.Parse(text, ProjectorConfig()).embeddings]


def test_pictures_are_there_at_every_validation_and_fit_into_tensorboard(run: TinyRun) -> None:
    for stage, steps in (("val", [1, 3]), ("test", [4])):
        tags = [
            f"{stage}/style_scatter",
            *(f"{stage}/{name}/{i}" for name in ("styles", "traversals") for i in _ids(run, f"{stage}/{name}")),
        ]
        assert len(tags) == 1 + 2 + 2
        for tag in tags:
            sizes = _sizes(run, tag)
            assert [step for step, _, _ in sizes] == steps
            assert all(width == 720 and 200 < height < 3000 for _, width, height in sizes)


def test_a_style_is_a_row_of_the_table(run: TinyRun) -> None:
    heading, *rows = _rows(run, "val/styles")
    assert heading == ["image", "style", "caption"]
    ids = _ids(run, "val/styles")
    assert [row[:2] for row in rows] == [[image, style] for image in ids for style in ("mean", "1", "2")]


def test_a_dimension_is_a_row_and_a_value_a_column(run: TinyRun) -> None:
    heading, *rows = _rows(run, "val/traversals")
    assert heading == ["image", "dimension", "KL in nats", "−2 σ", "−1 σ", "0", "+1 σ", "+2 σ"]
    for image in _ids(run, "val/traversals"):
        own = [row for row in rows if row[0] == image]
        nats = [float(row[2]) for row in own]
        assert nats == sorted(nats, reverse=True)
        assert sorted(row[1] for row in own) == ["0", "1", "2"]
        assert len({row[5] for row in own}) == 1  # at 0 no dimension is changed
        assert not any("**" in row[5] for row in own)


def test_the_kl_of_all_validations_is_in_the_heat_map_and_its_sum_is_the_logged_one(run: TinyRun) -> None:
    assert [step for step, _, _ in _sizes(run, "val/kl_style")] == [1, 3]
    assert "test/kl_style" not in run.events.Tags()["images"]
    history = read_intact(run.folder / "checkpoints" / "last.ckpt")["callbacks"]["KLHistory"]["history"]
    logged = scalars(run.events)
    for code in ("style", "content"):
        assert {step: kl[code].sum().item() for step, kl in history.items()} == pytest.approx(
            dict(logged[f"val/nats/kl_{code}"]), rel=1e-5
        )


def test_the_projector_has_the_last_validation(run: TinyRun) -> None:
    assert _listed(run) == ["val_style:00003"]
    folder = run.folder / "tensorboard" / "00003" / "val_style"
    heading, *rows = (folder / "metadata.tsv").read_text().splitlines()
    assert heading == "caption\timage"
    values = [
        [float(number) for number in line.split("\t")] for line in (folder / "tensors.tsv").read_text().splitlines()
    ]
    assert len(values) == len(rows) > 2
    assert {len(row) for row in values} == {3}
    assert len({row.split("\t")[1] for row in rows}) == 2
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size[0] == 48 * -(-(len(rows) ** 0.5) // 1)


def test_training_draws_the_same_random_numbers_with_and_without(tmp_path: Path) -> None:
    runs = [
        run_tiny(
            tmp_path / name,
            "trainer.max_epochs=3",
            "test=false",
            "callbacks.latent_projector.every_n_validations=1" if not dropped else "seed=42",
            choices=(*CHOICES, "~callbacks.step_seeds", *(f"~callbacks.{name}" for name in dropped)),
        )
        for name, dropped in (("with", ()), ("without", NEW))
    ]
    shown, silent = (scalars(run.events) for run in runs)
    assert len(shown["train/loss"]) == 6
    assert shown == silent
    assert not {*ONCE} & {*runs[1].events.Tags()["images"]}


def test_a_run_that_goes_on_keeps_what_was_measured(tmp_path: Path) -> None:
    first = run_tiny(tmp_path / "first", "test=false", choices=CHOICES)
    for name, spoil, steps in (("second", _unchanged, [1, 3]), ("old", _without_states, [3])):
        path = tmp_path / f"{name}.ckpt"
        torch.save(spoil(read_intact(first.folder / "checkpoints" / "last.ckpt")), path)
        second = run_tiny(tmp_path / name, "test=false", "trainer.max_epochs=2", f"ckpt_path={path}", choices=CHOICES)
        states = read_intact(second.folder / "checkpoints" / "last.ckpt")["callbacks"]
        assert [*states["KLHistory"]["history"]] == steps
        assert states["LatentProjector"]["num_validations"] == len(steps)
        assert states["LatentScatter"]["axes"].shape == (3, 2)


def _unchanged(checkpoint: dict[str, Any]) -> dict[str, Any]:
    return checkpoint


def _without_states(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint as it was before these callbacks were there."""
    for name in ("KLHistory", "LatentProjector", "LatentScatter"):
        del checkpoint["callbacks"][name]
    return checkpoint


@pytest.mark.filterwarnings("ignore")  # Lightning's and PyTorch's advice on several processes
def test_two_processes_show_what_one_does(tmp_path: Path) -> None:
    run = run_tiny(
        tmp_path / "run",
        *TWO_FORKS,
        "callbacks.latent_projector.every_n_validations=1",
        "test=false",
        choices=CHOICES,
    )
    tags = run.events.Tags()["images"]
    assert {"val/style_scatter", "val/kl_style", "val/kl_content"} <= {*tags}
    assert len(_ids(run, "val/styles")) == len(_ids(run, "val/traversals")) == 2
    assert len(_listed(run)) == 1


def test_callbacks_that_generate_come_before_the_average_is_put_back() -> None:
    options = [path.stem for path in (ROOT / "conf/callbacks").glob("*.yaml")]
    averaging = [names for names in map(_names, options) if {"moving_average", "style_grid"} <= {*names}]
    assert averaging
    for names in averaging:
        assert max(map(names.index, ("style_grid", "traversals"))) < names.index("moving_average")


def _names(option: str) -> list[str]:
    return [str(name) for name in compose_train([f"callbacks={option}"]).callbacks]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: StyleGrid(0), "callbacks.style_grid.num_images must be at least 1, got 0"),
        (lambda: StyleGrid(num_styles=0), "callbacks.style_grid.num_styles must be at least 1, got 0"),
        (lambda: Traversals([0, 1], 0), "callbacks.traversals.num_images must be at least 1, got 0"),
        (lambda: Traversals([0, 1], num_dimensions=0), "callbacks.traversals.num_dimensions must be at least 1, got 0"),
        (lambda: Traversals([-1, 1]), r"callbacks.traversals.values: expected 0, .* got \[-1, 1\]"),
        (lambda: Traversals([0]), r"callbacks.traversals.values: expected 0, .* and others, got \[0\]"),
        (lambda: LatentScatter(0), "callbacks.latent_scatter.num_images must be at least 1, got 0"),
        (lambda: LatentProjector(0), "callbacks.latent_projector.num_images must be at least 1, got 0"),
        (
            lambda: LatentProjector(every_n_validations=0),
            r"callbacks.latent_projector.every_n_validations must be at least 1 \(or null for the end alone\), got 0",
        ),
    ],
)
def test_impossible_settings_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
