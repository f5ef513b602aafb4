from pathlib import Path

import pytest

from captioning.arguments import parse_arguments as parse_caption
from exporting.arguments import parse_arguments as parse_export
from utils.suggestions import beside, did_you_mean


def test_the_most_similar_name_is_suggested_and_none_that_is_not_alike() -> None:
    assert did_you_mean("Captoin", ["image", "caption"]) == " (did you mean caption?)"
    assert did_you_mean("xyz", ["image", "caption"]) == ""


def test_a_file_of_nearly_the_same_name_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").touch()
    assert beside(tmp_path / "bets.ckpt") == f" (did you mean {tmp_path / 'best.ckpt'}?)"
    assert beside(tmp_path / "nowhere" / "best.ckpt") == ""


def test_misspelled_options_of_command_lines_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"--temprature 2 \(did you mean --temperature\?\); see --help"):
        parse_caption(["best.ckpt", "photo.jpg", "--temprature", "2"])
    with pytest.raises(ValueError, match=r"'beem' .*\(did you mean beam\?\); see --help"):
        parse_caption(["best.ckpt", "photo.jpg", "--strategy", "beem"])
    with pytest.raises(SystemExit):
        parse_export(["best.ckpt", "--to", "safetensor", "out"])
    assert "(did you mean safetensors?)" in capsys.readouterr().err
