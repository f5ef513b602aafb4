from pathlib import Path

import pytest

from captioning import EXAMPLE_MODEL, EXAMPLE_SCENES
from captioning.arguments import parse_arguments
from datamodules.shapes import ShapesDataModule
from lightning_modules.checkpoints.loading import read_record
from tests.captioning.caption_command import caption

MOST_BYTES = 3_000_000


def test_what_is_not_named_comes_with_the_package() -> None:
    assert parse_arguments(["--example"]).checkpoint == EXAMPLE_MODEL
    assert parse_arguments(["--example"]).images == [EXAMPLE_SCENES]
    own_image = parse_arguments(["--example", "a.jpg", "b.jpg"])
    assert (own_image.checkpoint, own_image.images) == (EXAMPLE_MODEL, [Path("a.jpg"), Path("b.jpg")])
    own_model = parse_arguments(["best.ckpt", "--example"])
    assert (own_model.checkpoint, own_model.images) == (Path("best.ckpt"), [EXAMPLE_SCENES])
    with pytest.raises(ValueError, match=r"expected images after best.ckpt, or --example"):
        parse_arguments(["best.ckpt"])
    with pytest.raises(ValueError, match="expected a checkpoint and images, or --example"):
        parse_arguments([])


def test_the_model_is_small_and_describes_scenes_that_it_has_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files' checksums are compared as the folder is read."""
    assert sum(file.stat().st_size for file in EXAMPLE_MODEL.iterdir()) <= MOST_BYTES
    caption("--example", "--num", "1")
    captions = [line.removeprefix("  1. ") for line in capsys.readouterr().out.splitlines()[1::2]]
    scenes = sorted(EXAMPLE_SCENES.iterdir())
    assert len(captions) == len(scenes) == 6

    sizes = {"num_train": 1, "num_val": 1, "num_test": len(scenes), "image_size": 64}
    data = ShapesDataModule(tokenizer=None, seed=42, cache_dir=tmp_path, **sizes)  # type: ignore[arg-type]
    data.prepare_data()
    test = data.load_splits()["test"]
    assert all(data.is_true(text, image_id) for text, image_id in zip(captions, test.image_ids, strict=True))
    record = read_record(EXAMPLE_MODEL)
    assert record.sources == ("shapes",)
    assert len(record.keys) > 10_000
    assert not record.knows(test.image_keys).any()
