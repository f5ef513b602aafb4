from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules.image_files.keys import ImageKeys, spoken_key
from datamodules.shapes.shapes_datamodule import ShapesSplit
from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner, load_captioner, save_module
from lightning_modules.ranking import TrainingIndex, training_index


@dataclass(frozen=True)
class Changed:
    """A split with other captions or other numbers."""

    split: CaptionSplit
    captions: Sequence[Sequence[str]]
    image_ids: Sequence[int]

    @property
    def image_names(self) -> Sequence[str | int]:
        return self.image_ids

    @property
    def image_fingerprint(self) -> str:
        return self.split.image_fingerprint

    @property
    def image_keys(self) -> ImageKeys:
        keys = zip(self.image_ids, self.captions, strict=True)
        return np.array([[spoken_key(number, captions)] for number, captions in keys])

    def load_image(self, index: int) -> Tensor:
        return self.split.load_image(index)


@pytest.fixture
def looks(captioner: VariationalCaptioner) -> Iterator[list[int]]:
    """How many images the encoder was shown at each call."""
    sizes: list[int] = []
    hook = captioner.network.encoder.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    yield sizes
    hook.remove()


def _another_encoder(captioner: VariationalCaptioner) -> VariationalCaptioner:
    another = deepcopy(captioner)
    with torch.no_grad():
        next(another.network.encoder.parameters()).mul_(1.5)
    return another


def _assert_same(one: TrainingIndex, other: TrainingIndex) -> None:
    assert one.features_TD.dtype == other.features_TD.dtype == np.float16
    np.testing.assert_array_equal(one.features_TD, other.features_TD)
    np.testing.assert_array_equal(one.keys_TK, other.keys_TK)
    assert (one.captions, one.encoder, one.data) == (other.captions, other.encoder, other.data)
    assert one.spaces.keys() == other.spaces.keys() == {"words"}
    for name, space in one.spaces.items():
        for array, others in zip(space, other.spaces[name], strict=True):
            np.testing.assert_array_equal(array, others)


def test_holds_each_images_features_averaged_over_the_grid(
    captioner: VariationalCaptioner,
    training: CaptionSplit,
    looks: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_index, "BATCH_SIZE", 3)
    index = TrainingIndex.make(captioner, training)
    assert looks == [3, 3, 2]
    for number, features_D in enumerate(index.features_TD):
        features_PD = captioner.encode(training.load_image(number)[None])[0]
        np.testing.assert_allclose(features_D, features_PD.double().mean(dim=0), rtol=2e-3, atol=1e-6)
    assert index.captions == [list(captions) for captions in training.captions]


def test_reads_what_it_saved(captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path) -> None:
    captions = [["naïve “été” 日本"], *training.captions[1:]]
    index = TrainingIndex.make(captioner, Changed(training, captions, training.image_ids))
    path = tmp_path / "new" / "index.npz"
    index.save(path)
    _assert_same(TrainingIndex.load(path, captioner), index)
    assert [*path.parent.iterdir()] == [path]


def test_keeps_the_name_that_was_asked_for(
    captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path
) -> None:
    TrainingIndex.make(captioner, training).save(tmp_path / "index")  # NumPy would add .npz to a name of its own
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    TrainingIndex.load(tmp_path / "index", captioner)


def test_is_made_once_and_then_read(
    captioner: VariationalCaptioner, training: CaptionSplit, looks: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "index.npz"
    made = TrainingIndex.load_or_make(path, captioner, training)
    assert looks == [8]
    _assert_same(TrainingIndex.load_or_make(path, captioner, training), made)
    assert looks == [8]


def test_is_made_anew_of_other_captions_or_images(
    captioner: VariationalCaptioner, training: CaptionSplit, looks: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "index.npz"
    TrainingIndex.load_or_make(path, captioner, training)
    captions, image_ids = training.captions, list(training.image_ids)
    for changed in (
        Changed(training, [["another caption"], *captions[1:]], image_ids),
        Changed(training, captions, [10**6, *image_ids[1:]]),
        Changed(training, captions[:5], image_ids[:5]),
    ):
        before = len(looks)
        made = TrainingIndex.load_or_make(path, captioner, changed)
        assert len(looks) == before + 1
        assert made.captions == [list(of_image) for of_image in changed.captions]
        _assert_same(TrainingIndex.load(path, captioner), made)


def test_is_made_anew_for_another_encoder(
    captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path
) -> None:
    path, another = tmp_path / "index.npz", _another_encoder(captioner)
    made = TrainingIndex.load_or_make(path, captioner, training)
    with pytest.raises(ValueError, match=r"index.npz: the index was made with another encoder .*; make it with"):
        TrainingIndex.load(path, another)
    anew = TrainingIndex.load_or_make(path, another, training)
    assert (anew.encoder != made.encoder, anew.data == made.data) == (True, True)
    assert not np.array_equal(anew.features_TD, made.features_TD)
    _assert_same(TrainingIndex.load(path, another), anew)


def test_an_encoder_is_known_by_its_weights_and_image_size_alone(
    captioner: VariationalCaptioner,
) -> None:
    other_decoder, other_size = deepcopy(captioner), deepcopy(captioner)
    with torch.no_grad():
        next(other_decoder.network.decoder_text.parameters()).add_(1)
    other_size.image_size = 64
    fingerprint = captioner.features_fingerprint
    assert other_decoder.features_fingerprint == fingerprint
    assert other_size.features_fingerprint != fingerprint
    assert _another_encoder(captioner).features_fingerprint != fingerprint


def test_a_checkpoints_encoder_is_the_one_that_was_trained(captioner: VariationalCaptioner, tmp_path: Path) -> None:
    save_module(captioner, tmp_path / "model.ckpt")
    assert load_captioner(tmp_path / "model.ckpt").features_fingerprint == captioner.features_fingerprint


def test_missing_file(captioner: VariationalCaptioner, tmp_path: Path) -> None:
    for path in (tmp_path / "index.npz", tmp_path):
        with pytest.raises(ValueError, match=rf"{path}: there is no such index of training images; make it with .*"):
            TrainingIndex.load(path, captioner)


def _torn(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def _flipped(whole: bytes) -> bytes:
    middle = len(whole) // 4
    return whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [_torn, _flipped, lambda whole: b"", lambda whole: b"words", lambda whole: b"PK\x03\x04" + b"\0" * 99],
    ids=["torn", "flipped", "empty", "text", "zip's beginning"],
)
def test_a_damaged_file_is_refused_and_made_anew(
    captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path, damage: Any
) -> None:
    path = tmp_path / "index.npz"
    made = TrainingIndex.load_or_make(path, captioner, training)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"index.npz: not an index of training images \(.*\); make it with"):
        TrainingIndex.load(path, captioner)
    _assert_same(TrainingIndex.load_or_make(path, captioner, training), made)
    _assert_same(TrainingIndex.load(path, captioner), made)


def test_refuses_other_arrays(captioner: VariationalCaptioner, tmp_path: Path) -> None:
    np.savez(tmp_path / "index.npz", features_TD=np.zeros((2, 3)))
    np.save(tmp_path / "index.npy", np.zeros((2, 3)))
    captions = np.frombuffer(b"[[], []]", dtype=np.uint8)
    known = {"captions": captions, "encoder": "", "data": "", "version": training_index.INDEX_VERSION}
    space = {"mean_D": np.zeros(3), "map_DK": np.zeros((3, 2)), "training_TK": np.zeros((2, 2))}
    known |= {f"{name}_{field}": array for name in ("words",) for field, array in space.items()}
    np.savez(tmp_path / "flat.npz", features_TD=np.zeros((2, 3)), keys_TK=np.zeros(2, dtype=np.int64), **known)
    np.savez(tmp_path / "few.npz", features_TD=np.zeros((2, 3)), keys_TK=np.zeros((1, 2), dtype=np.int64), **known)
    whole = known | {"features_TD": np.zeros((2, 3)), "keys_TK": np.zeros((2, 2), dtype=np.int64)}
    np.savez(tmp_path / "space.npz", **whole | {"words_map_DK": np.zeros((2, 2))})
    np.savez(tmp_path / "old.npz", **whole | {"version": np.array(1)})
    np.savez(tmp_path / "whole.npz", **whole)
    with pytest.raises(ValueError, match="another encoder"):  # it is an index
        TrainingIndex.load(tmp_path / "whole.npz", captioner)
    with pytest.raises(ValueError, match=r"\(it is of another version\); make it with"):
        TrainingIndex.load(tmp_path / "old.npz", captioner)
    for name in ("index.npz", "index.npy", "flat.npz", "few.npz", "space.npz"):
        with pytest.raises(ValueError, match=rf"{name}: not an index of training images"):
            TrainingIndex.load(tmp_path / name, captioner)


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_runs_no_code_of_a_file(captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path) -> None:
    index, sprung = TrainingIndex.make(captioner, training), tmp_path / "sprung"
    trap = np.array([_Trap(sprung)], dtype=object)
    np.savez(tmp_path / "index.npz", features_TD=index.features_TD, captions=trap, encoder=index.encoder, data="")
    trap.dump(tmp_path / "pickle.npz")
    for name in ("index.npz", "pickle.npz"):
        with pytest.raises(ValueError, match=rf"{name}: not an index of training images"):
            TrainingIndex.load(tmp_path / name, captioner)
    assert not sprung.exists()


def test_is_made_anew_of_other_pixels(captioner: VariationalCaptioner, training: CaptionSplit, tmp_path: Path) -> None:
    assert isinstance(training, ShapesSplit)
    made = TrainingIndex.load_or_make(tmp_path / "index.npz", captioner, training)
    inverted = replace(training, images=255 - training.images)
    anew = TrainingIndex.load_or_make(tmp_path / "index.npz", captioner, inverted)
    assert not np.array_equal(anew.features_TD, made.features_TD)
    np.testing.assert_array_equal(anew.features_TD, TrainingIndex.make(captioner, inverted).features_TD)
