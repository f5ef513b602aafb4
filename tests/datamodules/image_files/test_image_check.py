import logging
import os
from pathlib import Path

import pytest
from PIL import Image

from datamodules.image_files.image_check import check_images
from datamodules.image_files.reading import load_rgb
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


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
    found = check_images(paths, cache_dir=tmp_path)
    unreadable = found.unreadable
    assert unreadable.keys() == {"3.jpg", "5.jpg"}
    assert "truncated" in unreadable["3.jpg"]
    assert "cannot identify" in unreadable["5.jpg"]
    assert found.keys.keys() == {path.name for path in paths} - unreadable.keys()
    assert check_images(paths[::-1], cache_dir=tmp_path) == found
    assert sorted(decoded) == sorted(path.name for path in paths)


def test_changed_or_other_files_are_checked_again(flickr8k: TinyFlickr8k, tmp_path: Path, decoded: list[str]) -> None:
    paths = [flickr8k.image(n) for n in range(3)]
    check_images(paths, cache_dir=tmp_path)
    os.utime(paths[0], ns=(0, 0))
    check_images(paths, cache_dir=tmp_path)
    assert len(decoded) == 6
    check_images(paths[:2], cache_dir=tmp_path)
    assert len(decoded) == 8


@pytest.mark.parametrize(
    "torn",
    ["{", "[]", '{"0.jpg": "bad"}', '{"unreadable": {}, "keys": {"0.jpg": [1]}}', '{"unreadable": [], "keys": {}}'],
)
def test_torn_outcome_is_found_again(
    flickr8k: TinyFlickr8k, tmp_path: Path, decoded: list[str], caplog: pytest.LogCaptureFixture, torn: str
) -> None:
    cache_dir = tmp_path / "outcomes"
    found = check_images([flickr8k.image(0)], cache_dir=cache_dir)
    (outcome,) = cache_dir.iterdir()
    whole = outcome.read_text()
    outcome.write_text(torn)
    assert check_images([flickr8k.image(0)], cache_dir=cache_dir) == found
    assert len(decoded) == 2
    assert "is damaged" in caplog.text
    assert outcome.read_text() == whole


def test_logs_count_and_rate(flickr8k: TinyFlickr8k, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    check_images([flickr8k.image(n) for n in range(12)], cache_dir=tmp_path)
    assert "checked 12 images in" in caplog.text
