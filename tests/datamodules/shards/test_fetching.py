"""Shards that are no files of this machine: commands that print a tar, and addresses."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.image_files.reading import BadImageError
from datamodules.shards.shard_split import ShardSplit
from tests.datamodules.shards.test_webdataset_datamodule import assert_same
from tests.datamodules.shards.tiny_shards import TinyShards, datamodule


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def address(shards: TinyShards) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(shards.root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


NAMES = {"train": "train-{00000..00004}.tar", "val": "val-{00000..00001}.tar", "test": "test-00000.tar"}


def test_shards_of_a_server_are_read_with_their_indices(address: str, shards: TinyShards, tmp_path: Path) -> None:
    for name, split in datamodule(address, tmp_path, **NAMES).load_splits().items():
        assert_same(split, shards.splits[name])
    assert not [*(tmp_path / "shards" / "shard").glob("*")]  # no shard had to be read for its index


def test_commands_are_run_and_few_shards_kept(shards: TinyShards, tmp_path: Path) -> None:
    names: dict[str, object] = {name: f"pipe:cat {shards.root}/{spec}" for name, spec in NAMES.items()}
    module = datamodule("unused", tmp_path, **names, kept_shards=4, shuffle_buffer=6)
    module.setup()
    split = module.splits["train"]
    assert isinstance(split, ShardSplit)
    ids = [number for batch in module.train_dataloader() for number in batch.image_ids_B.tolist()]
    assert sorted(ids) == [*shards.splits["train"].image_ids]
    assert split.files._pool is not None
    split.files._pool.shutdown()  # what it fetches ahead is there
    assert 1 <= len([*split.files.folder.glob("*.tar")]) <= 4
    assert torch.equal(split.load_image(22), shards.splits["train"].load_image(22))
    with pytest.raises(ValueError, match=r"data.kept_shards=2 are fewer than the 3 shards that data.shuffle_buffer=6"):
        datamodule("unused", tmp_path, **names, kept_shards=2, shuffle_buffer=6).load_splits()


def test_without_an_index_and_without_a_network_one_line_tells_so(tmp_path: Path) -> None:
    address = "http://127.0.0.1:9"  # nobody listens there
    with pytest.raises(
        ValueError, match=rf"{address}/train-0.tar: cannot be read \(exit 7\); check the address"
    ) as raised:
        datamodule(address, tmp_path, train="train-0.tar", val="val-0.tar", test="test-0.tar").load_splits()
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"pipe:cat no.tar: cannot be read \(exit 1\); check the address"):
        datamodule("", tmp_path, train="pipe:cat no.tar", val="a.tar", test="b.tar").load_splits()


def test_a_shard_that_the_server_has_lost_is_named_with_its_sample(shards: TinyShards, tmp_path: Path) -> None:
    names: dict[str, object] = {name: f"pipe:cat {tmp_path}/{name}.tar" for name in NAMES}
    for name in NAMES:
        (tmp_path / f"{name}.tar").write_bytes((shards.root / f"{name}-00000.tar").read_bytes())
    train = datamodule("unused", tmp_path / "cache", **names).load_splits()["train"]
    (tmp_path / "train.tar").unlink()
    with pytest.raises(BadImageError, match=r"train.tar: cannot be read \(exit 1\); .* \(for the sample 11\)"):
        train.load_image(0)
    (tmp_path / "train.tar").write_bytes(b"shorter")
    with pytest.raises(BadImageError, match=r"expected [\d,]+ bytes, as its index has it, got 7: it was changed"):
        train.load_image(0)
