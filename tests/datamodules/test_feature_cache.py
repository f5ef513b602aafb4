from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules.feature_cache import Checksums, FeatureCache, Features, FeatureSource
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


def _source(encode: Callable[[Tensor], Tensor]) -> FeatureSource:
    return FeatureSource(encode=encode, fingerprint="an encoder", positions=2, width=3)


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
def filled(tmp_path: Path, encoder: Encoder) -> FeatureCache:
    cache = FeatureCache(tmp_path, SPLIT, _source(encoder))
    cache.create()
    assert cache.fill() == 70
    encoder.seen.clear()
    return cache


def _expected() -> np.ndarray:
    return np.arange(3, 73)[:, None, None] * np.array([[1, 2, 3], [4, 5, 6]])


def test_a_filled_cache_is_only_read(filled: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that cannot be written, which the user who runs these tests might be above."""
    filled.lock_path.unlink()
    for name in ("open", "mkdir"):
        monkeypatch.setattr(Path, name, lambda self, *_, **__: pytest.fail(f"{self} was to be written"))
    read = FeatureCache._map

    def only_read(self: FeatureCache, mode: Literal["r", "r+"]) -> tuple[Features, Checksums]:
        assert mode == "r"
        return read(self, mode)

    monkeypatch.setattr(FeatureCache, "_map", only_read)
    filled.create()
    assert filled.fill() == 0
    np.testing.assert_array_equal(filled.open(), _expected())


def test_holds_what_the_encoder_sees_and_asks_it_once(filled: FeatureCache, encoder: Encoder) -> None:
    features_TPD = filled.open()
    assert features_TPD.dtype == np.float16
    np.testing.assert_array_equal(features_TPD, _expected())
    assert not features_TPD.flags.writeable
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
    np.testing.assert_array_equal(again.open(), _expected())


@pytest.mark.parametrize("place", [0, 12 * 30 + 5, 12 * 70 - 1])
def test_a_torn_image_alone_is_encoded_anew(filled: FeatureCache, encoder: Encoder, place: int) -> None:
    with filled.path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 255]))
    assert filled.fill() == 1
    assert encoder.seen == [3 + place // 12]
    np.testing.assert_array_equal(filled.open(), _expected())


@pytest.mark.parametrize("name", ["path", "checksums_path"])
@pytest.mark.parametrize("size", [0, 100])
def test_a_file_that_was_cut_is_made_anew(filled: FeatureCache, name: str, size: int) -> None:
    with getattr(filled, name).open("r+b") as file:
        file.truncate(size)
    filled.create()
    assert filled.fill() == 70
    np.testing.assert_array_equal(filled.open(), _expected())


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
    assert [cache.fill(rank=rank, num_processes=3) for rank, cache in enumerate(caches)] == [24, 23, 23]
    assert sorted(number for encoder in encoders for number in encoder.seen) == list(range(3, 73))
    np.testing.assert_array_equal(caches[2].open(), _expected())


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
    np.testing.assert_array_equal(late.open(), _expected())


def test_two_runs_that_begin_at_once_share_one_file(tmp_path: Path) -> None:
    caches = [FeatureCache(tmp_path, SPLIT, _source(Encoder())) for _ in range(8)]

    def create_and_fill(cache: FeatureCache) -> np.ndarray:
        cache.create()
        cache.fill()
        return np.array(cache.open())

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
    np.testing.assert_array_equal(lenient.open()[usable], _expected()[usable])
    with pytest.raises(ValueError, match="2 of 70 images have no features yet"):
        strict.open()
    alone = FeatureCache(
        tmp_path / "alone", _Spoilt([4] * 5, SPLIT.captions[:5]), _source(encoder), skip_bad_images=True
    )
    alone.create()
    alone.fill()
    assert alone.missing() == [4]
