import logging
import os
from pathlib import Path

import pytest
from PIL import Image

from datamodules.image_files.image_check import ImageCheck, check_images
from datamodules.image_files.reading import load_rgb
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


def _check(paths: list[Path], cache_dir: Path) -> ImageCheck:
    return check_images(paths, folder=paths[0].parent, cache_dir=cache_dir)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files decoded, in any order."""
    names: list[str] = []

    def load_and_note(path: Path) -> Image.Image:
        names.append(path.name)
        return load_rgb(path)

    monkeypatch.setattr("datamodules.image_files.keys.load_rgb", load_and_note)
    return names


def test_finds_bad_images_and_decodes_each_once(flickr8k: TinyFlickr8k, tmp_path: Path, decoded: list[str]) -> None:
    flickr8k.image(3).write_bytes(flickr8k.image(3).read_bytes()[:-8])
    flickr8k.image(5).write_text("not an image")
    paths = [flickr8k.image(n) for n in range(12)]
    found = _check(paths, tmp_path)
    unreadable = found.unreadable
    assert unreadable.keys() == {str(paths[3]), str(paths[5])}
    assert "truncated" in unreadable[str(paths[3])]
    assert "cannot identify" in unreadable[str(paths[5])]
    assert found.keys.keys() == {*map(str, paths)} - unreadable.keys()
    assert _check(paths[::-1], tmp_path) == found
    assert sorted(decoded) == sorted(path.name for path in paths)


def test_changed_or_other_files_are_checked_again(flickr8k: TinyFlickr8k, tmp_path: Path, decoded: list[str]) -> None:
    paths = [flickr8k.image(n) for n in range(3)]
    _check(paths, tmp_path)
    os.utime(paths[0], ns=(0, 0))
    _check(paths, tmp_path)
    assert decoded[3:] == ["0.jpg"]  # the others are known
    _check(paths[:2], tmp_path)
    _check([*paths, flickr8k.image(7)], tmp_path)
    assert decoded[4:] == ["7.jpg"]
    _check(paths, tmp_path)
    assert len(decoded) == 5  # what is not asked for is not forgotten


@pytest.mark.parametrize(
    "torn",
    ["{", "[]", '{"0.jpg": "bad"}', '{"0.jpg": [[1, 2], "bad"]}', '{"0.jpg": [[1, 2, 3], [4]]}'],
)
def test_torn_outcome_is_found_again(
    flickr8k: TinyFlickr8k, tmp_path: Path, decoded: list[str], caplog: pytest.LogCaptureFixture, torn: str
) -> None:
    cache_dir = tmp_path / "outcomes"
    found = _check([flickr8k.image(0)], cache_dir)
    (outcome,) = cache_dir.iterdir()
    whole = outcome.read_text()
    outcome.write_text(torn)
    assert _check([flickr8k.image(0)], cache_dir) == found
    assert len(decoded) == 2
    assert "is damaged" in caplog.text
    assert outcome.read_text() == whole


def test_logs_count_and_rate(flickr8k: TinyFlickr8k, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _check([flickr8k.image(n) for n in range(12)], tmp_path)
    assert "checked 12 images in" in caplog.text
