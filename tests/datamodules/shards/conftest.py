import pytest

from tests.datamodules.shards.tiny_shards import TinyShards


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> TinyShards:
    return TinyShards(tmp_path_factory.mktemp("tiny_shards"))
