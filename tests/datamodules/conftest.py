from pathlib import Path

import pytest

from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


@pytest.fixture
def flickr8k(tmp_path: Path) -> TinyFlickr8k:
    return TinyFlickr8k(tmp_path / "flickr8k")
