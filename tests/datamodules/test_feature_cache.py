import logging
import shutil
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules.feature_cache import FeatureCache, FeatureSource
from datamodules.feature_part import Checksums, FeaturePart, Features, FeatureTable, Kept, to_kept
from datamodules.image_files.reading import BadImageError
from tests.datamodules.in_memory_split import InMemorySplit

SPLIT = InMemorySplit(image_ids=range(3, 73), captions=[["a"]] * 70)  # more than two batches


class Encoder:
    """Two places of three features, and a list of the images that it saw."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        number_B = images_BCHW[:, 0, 0, 0].float()
        self.seen += number_B.int().tolist()
        return number_B[:, None, None] * torch.tensor([[1.0, 2, 3], [4, 5, 6]])


def _source(encode: Callable[[Tensor], Tensor], dtype: Kept = "float16") -> FeatureSource:
    return FeatureSource(encode=encode, fingerprint="an encoder", positions=2, width=3, dtype=dtype)


def _read(table: FeatureTable) -> np.ndarray:
    return np.stack([table[number] for number in range(len(table))])


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(params=[2**30, 12 * 32])
def filled(tmp_path: Path, encoder: Encoder, request: pytest.FixtureRequest) -> FeatureCache:
    """A cache in one file, or in three."""
    cache = FeatureCache(tmp_path, SPLIT, _source(encoder), part_bytes=request.param)
    cache.create()
    assert cache.fill() == 70
    encoder.seen.clear()
    return cache


def _expected() -> np.ndarray:
    return np.arange(3, 73)[:, None, None] * np.array([[1, 2, 3], [4, 5, 6]])


def test_a_filled_cache_is_only_read(filled: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that cannot be written, which the user who runs these tests might be above."""
    for part in filled.parts:
        part.lock_path.unlink()
    monkeypatch.setattr("datamodules.feature_part.locked", lambda path: pytest.fail(f"{path} was to be written"))
    for name in ("mkdir", "replace"):
        monkeypatch.setattr(Path, name, lambda self, *_, **__: pytest.fail(f"{self} was to be written"))
    read = FeaturePart.map

    def only_read(self: FeaturePart, mode: Literal["r", "r+"]) -> tuple[Features, Checksums]:
        assert mode == "r"
        return read(self, mode)

    monkeypatch.setattr(FeaturePart, "map", only_read)
    filled.create()
    assert filled.fill() == 0
    np.testing.assert_array_equal(_read(filled.open()), _expected())


def test_holds_what_the_encoder_sees_and_asks_it_once(filled: FeatureCache, encoder: Encoder) -> None:
    features = filled.open()
    assert features.dtype == np.float16
    assert features.shape == (70, 2, 3)
    np.testing.assert_array_equal(_read(features), _expected())
    assert not features[69].flags.writeable
    with pytest.raises(IndexError):
        features[70]
    filled.create()
    assert filled.fill() == 0
    assert encoder.seen == []


def test_goes_on_where_a_run_was_killed(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    encoder = Encoder()

    def encode(images_BCHW: Tensor) -> Tensor:
        if len(encoder.seen) >= 64:
            raise KilledError
        return encoder(images_BCHW)

    cache = FeatureCache(tmp_path, SPLIT, _source(encode))
    cache.create()
    with pytest.raises(KilledError):
        cache.fill()
    with pytest.raises(ValueError, match="6 of 70 images have no features yet"):
        cache.open()
    encoder.seen.clear()
    again = FeatureCache(tmp_path, SPLIT, _source(encoder))
    again.create()
    assert again.fill() == 6
    assert encoder.seen == list(range(67, 73))
    np.testing.assert_array_equal(_read(again.open()), _expected())


@pytest.mark.parametrize("place", [0, 12 * 30 + 5, 12 * 70 - 1])
def test_a_torn_image_alone_is_encoded_anew(filled: FeatureCache, encoder: Encoder, place: int) -> None:
    part = next(part for part in filled.parts if place // 12 in part.rows)
    with part.path.open("r+b") as file:
        place_in_part = place - 12 * part.rows.start
        file.seek(place_in_part)
        byte = file.read(1)
        file.seek(place_in_part)
        file.write(bytes([byte[0] ^ 255]))
    assert filled.fill() == 1
    assert encoder.seen == [3 + place // 12]
    np.testing.assert_array_equal(_read(filled.open()), _expected())


@pytest.mark.parametrize("name", ["path", "checksums_path"])
@pytest.mark.parametrize("size", [0, 100])
def test_a_file_that_was_cut_is_made_anew(filled: FeatureCache, name: str, size: int) -> None:
    with getattr(filled.parts[0], name).open("r+b") as file:
        file.truncate(size)
    filled.create()
    assert filled.fill() == len(filled.parts[0].rows)
    np.testing.assert_array_equal(_read(filled.open()), _expected())


def test_another_encoder_or_other_images_have_files_of_their_own(tmp_path: Path, encoder: Encoder) -> None:
    source = _source(encoder)
    names = {
        FeatureCache(tmp_path, split, of).path
        for split in (SPLIT, replace(SPLIT, image_ids=range(4, 74)))
        for of in (source, replace(source, fingerprint="another"))
    }
    assert len(names) == 4


def test_processes_share_the_work(tmp_path: Path) -> None:
    encoders = [Encoder() for _ in range(3)]
    caches = [FeatureCache(tmp_path, SPLIT, _source(encoder)) for encoder in encoders]
    caches[0].create()
    assert [cache.fill(rank=rank, num_processes=3) for rank, cache in enumerate(caches)] == [23, 23, 24]
    assert sorted(number for encoder in encoders for number in encoder.seen) == list(range(3, 73))
    np.testing.assert_array_equal(_read(caches[2].open()), _expected())


def test_features_beyond_half_precision_are_refused(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, SPLIT, _source(lambda images_BCHW: torch.full((len(images_BCHW), 2, 3), 1e6)))
    cache.create()
    with pytest.raises(ValueError, match=r"beyond half precision .*data.cache_features=false"):
        cache.fill()


def test_what_another_run_has_written_meanwhile_stays(tmp_path: Path, encoder: Encoder) -> None:
    """Two runs that round in their own ways: rows that someone may be reading are not written again."""
    late = FeatureCache(tmp_path, SPLIT, _source(lambda images_BCHW: _while_the_other_fills(images_BCHW) + 1))
    late.create()

    def _while_the_other_fills(images_BCHW: Tensor) -> Tensor:
        early = FeatureCache(tmp_path, SPLIT, _source(encoder))
        early.create()
        early.fill()
        return encoder(images_BCHW)

    late.fill()
    np.testing.assert_array_equal(_read(late.open()), _expected())


def test_two_runs_that_begin_at_once_share_one_file(tmp_path: Path) -> None:
    caches = [FeatureCache(tmp_path, SPLIT, _source(Encoder())) for _ in range(8)]

    def create_and_fill(cache: FeatureCache) -> np.ndarray:
        cache.create()
        cache.fill()
        return _read(cache.open())

    with ThreadPoolExecutor(8) as pool:
        for features_TPD in pool.map(create_and_fill, caches):
            np.testing.assert_array_equal(features_TPD, _expected())


class _Spoilt(InMemorySplit):
    """Two images went bad after they were checked."""

    def load_image(self, index: int) -> Tensor:
        if index in (4, 40):
            raise BadImageError(f"{index}.jpg: not a usable image (broken); replace or remove the file")
        return super().load_image(index)


def test_an_image_that_went_bad_stops_or_stays_without_features(tmp_path: Path, encoder: Encoder) -> None:
    spoilt = _Spoilt(SPLIT.image_ids, SPLIT.captions)
    strict, lenient = (FeatureCache(tmp_path, spoilt, _source(encoder), skip_bad_images=skip) for skip in (False, True))
    strict.create()
    with pytest.raises(BadImageError, match=r"4.jpg: .*, or leave such images out with data.on_bad_data=skip"):
        strict.fill()
    lenient.fill()
    assert lenient.missing() == [4, 40]
    usable = np.delete(np.arange(70), [4, 40])
    np.testing.assert_array_equal(_read(lenient.open())[usable], _expected()[usable])
    with pytest.raises(ValueError, match="2 of 70 images have no features yet"):
        strict.open()
    alone = FeatureCache(
        tmp_path / "alone", _Spoilt([4] * 5, SPLIT.captions[:5]), _source(encoder), skip_bad_images=True
    )
    alone.create()
    alone.fill()
    assert alone.missing() == [4]


def test_features_that_were_found_whole_are_not_read_again_for_that(
    filled: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.feature_part._checksum", lambda features: pytest.fail("features were read"))
    again = FeatureCache(filled.path.parent, SPLIT, filled.source, part_bytes=filled.parts[0].num_bytes)
    again.create()
    assert again.fill() == 0
    assert again.open()[5].tolist() == _expected()[5].tolist()


def test_a_reader_maps_the_files_that_it_needs_alone(tmp_path: Path, encoder: Encoder) -> None:
    cache = FeatureCache(tmp_path, SPLIT, _source(encoder), part_bytes=12 * 8)
    cache.create()
    cache.fill()
    assert [len(part.rows) for part in cache.parts] == [8] * 8 + [6]
    table = cache.open()
    for part in cache.parts[:-1]:
        part.path.unlink()
    assert table[69].tolist() == _expected()[69].tolist()
    with pytest.raises(FileNotFoundError):
        table[0]


def test_the_size_is_told_before_the_cache_is_filled(
    tmp_path: Path, encoder: Encoder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    cache = FeatureCache(tmp_path, SPLIT, _source(encoder), part_bytes=12 * 40)
    cache.create()
    assert "70 images as 2 x 3 numbers of float16 take 0.0 MB in 2 files; 70 are to be encoded" in caplog.text
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(free=12 * 70 - 1))
    with pytest.raises(ValueError, match=r"the features of 70 images take 0.0 MB, and the disk has .*; make room"):
        cache.create()
    cache.fill()
    cache.create()  # nothing is missing


@pytest.mark.parametrize(("dtype", "highest"), [("int16", 2**15 - 1), ("int32", 2**31 - 1)])
def test_codes_are_kept_as_whole_numbers(tmp_path: Path, dtype: Kept, highest: int) -> None:
    def encode(images_BCHW: Tensor) -> Tensor:
        number_B = images_BCHW[:, 0, 0, 0].long()
        return highest - number_B[:, None, None] - torch.arange(6).view(2, 3)

    cache = FeatureCache(tmp_path, SPLIT, _source(encode, dtype))
    cache.create()
    cache.fill()
    codes = cache.open()
    assert codes.dtype == np.dtype(dtype)
    assert codes[7].tolist() == encode(SPLIT.load_image(7)[None])[0].tolist()
    assert cache.path != FeatureCache(tmp_path, SPLIT, _source(encode)).path


def test_what_a_number_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected codes from -32768 to 32767 to be kept as int16, got others"):
        to_kept(torch.tensor([[[32768]]]), "int16")
    with pytest.raises(ValueError, match=r"expected whole numbers to be kept as int32, got torch.float32"):
        to_kept(torch.ones(1, 1, 1), "int32")
