import time
from pathlib import Path
from typing import Any

import pytest

import score
from evaluation.score_file import read_results
from utils import progress


def test_the_time_of_reading_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read_slowly(*arguments: Any) -> Any:
        time.sleep(0.5)
        return read_results(*arguments)

    monkeypatch.chdir(tmp_path)
    Path("results.json").write_text(
        '[{"image_id": "a.jpg", "caption": "a cat"}, {"image_id": "b.jpg", "caption": "x"}]'
    )
    Path("references").write_text("a.jpg#0\ta grey cat\nb.jpg#0\ta dog\n")
    monkeypatch.setattr("evaluation.score_file.inputs.read_results", read_slowly)
    monkeypatch.setattr(progress, "TICK", 0.01)
    monkeypatch.setattr(progress, "EVERY", 0.1)
    score.main(["results.json", "references", "--meteor", "no"])
    assert "reading captions: 00:00" in capsys.readouterr().err.splitlines()
