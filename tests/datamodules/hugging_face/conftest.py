from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datamodules.hugging_face.tiny_sets import library_cache


@pytest.fixture(autouse=True)
def _library_cache(tmp_path: Path) -> Iterator[None]:
    with library_cache(tmp_path / "library"):
        yield
