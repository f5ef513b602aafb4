"""Images that a model was trained on are known in whatever layout of the library `datasets` they come again."""

from pathlib import Path

import pytest

from tests.datamodules.hugging_face.tiny_sets import library_cache, write_parquet, write_saved
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import WITHOUT_PICTURES, run_tiny


def test_training_images_are_known_in_another_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with library_cache(tmp_path / "library"):
        files = [f"data.path={write_parquet(tmp_path / 'parquet')}", "data.id_column=name"]
        run = run_tiny(tmp_path / "run", "test=false", *WITHOUT_PICTURES, *files, choices=["data=hf"])
        settings = [f"data.path={write_saved(tmp_path / 'saved')}", "data.split_names.test=train"]
        with pytest.raises(SystemExit, match="1"):
            evaluate_tiny(tmp_path / "refused", run.best, *settings, "num_images=2", choices=("data=hf",))
    assert "2 of the 2 test images are training images of the checkpoint (0, 3)" in capsys.readouterr().err
