"""Files from strangers: code in pickles, and headers and names that lead elsewhere."""

import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.annotations import read_references
from datamodules.annotations.image_list import read_image_names
from datamodules.image_files.reading import load_rgb
from datamodules.shapes.image_cache import ImageCache
from datamodules.tokenizers import CaptionTokenizer
from evaluation.score_file import read_results
from lightning_modules import load_captioner
from lightning_modules.networks.embeddings.word_vectors import read_word_vectors
from lightning_modules.networks.encoders import TimmEncoder
from lightning_modules.networks.openai_dvae import OpenAIDiscreteVAE
from lightning_modules.networks.openai_dvae.published_pickles import read_published
from lightning_modules.ranking.training_index import TrainingIndex
from metrics import DocumentFrequencies
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import TinyRun, build_tiny, run_tiny


class Attack:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def _zip_checkpoint(attack: Attack, path: Path) -> None:
    torch.save({"facet_format": 3, "hyper_parameters": {}, "state_dict": {}, "attack": attack}, path)


def _bare_pickle(attack: Attack, path: Path) -> None:
    path.write_bytes(pickle.dumps(attack))


def _npz(attack: Attack, path: Path) -> None:
    attacks = np.array([attack], dtype=object)
    with path.open("wb") as file:
        np.savez(file, features_TD=attacks, captions=attacks, encoder=attacks, data=attacks)


def _npy(attack: Attack, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([attack], dtype=object), allow_pickle=True)


def _timm(path: Path) -> None:
    TimmEncoder(image_size=32, backbone="test_efficientnet", weights=str(path)).load_pretrained()


def _discrete_vae(path: Path) -> None:
    sizes = {"hidden_size": 4, "code_dim": 2, "num_codes": 3, "blocks_per_group": 1}
    OpenAIDiscreteVAE(image_size=8, weights=str(path), **sizes).load_pretrained()


def _index(path: Path, trained: TinyRun) -> None:
    TrainingIndex.load(path, load_captioner(trained.best))


READERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": load_captioner,
    "weights of a backbone": _timm,
    "weights of a discrete VAE": _discrete_vae,
    "published discrete VAE": read_published,
    "word vectors": lambda path: read_word_vectors(path, ["a"]),
    "results": read_results,
    "references": read_references,
    "document frequencies": DocumentFrequencies.load,
    "list of images": read_image_names,
    "image": load_rgb,
    "tokenizer": lambda path: CaptionTokenizer.from_json(path.read_bytes().decode(errors="replace")),
}


@pytest.mark.parametrize("write", [_zip_checkpoint, _bare_pickle, _npz, _npy])
@pytest.mark.parametrize("reader", READERS)
def test_a_pickle_that_runs_code_is_refused(reader: str, write: Callable[[Attack, Path], None], tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "file.bin"
    write(Attack(mark), path)
    with pytest.raises(ValueError, match=r"(expected|not a usable|not a readable|could not be read)"):
        READERS[reader](path)
    assert not mark.exists()


@pytest.mark.parametrize("write", [_zip_checkpoint, _bare_pickle, _npz, _npy])
def test_an_index_does_not_run_code(write: Callable[[Attack, Path], None], tmp_path: Path, trained: TinyRun) -> None:
    mark, path = tmp_path / "mark", tmp_path / "index.npz"
    write(Attack(mark), path)
    with pytest.raises(ValueError, match=r"index.npz: not an index of training images"):
        _index(path, trained)
    assert not mark.exists()


def test_a_resumed_run_does_not_run_code(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "last.ckpt"
    _zip_checkpoint(Attack(mark), path)
    with pytest.raises((SystemExit, pickle.UnpicklingError)):
        run_tiny(tmp_path / "run", f"ckpt_path={path}", "test=false")
    assert not mark.exists()


def test_caches_do_not_run_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    cache = ImageCache(tmp_path, seed=1, num_images=2, image_size=32)
    _npy(Attack(mark), cache.path)
    assert cache.open() is None  # it is drawn anew
    _, datamodule = build_tiny(tmp_path / "run")
    for file in (tmp_path / "cache" / "tokenizers").iterdir():
        _bare_pickle(Attack(mark), file)
    datamodule.splits = {}
    datamodule.setup()  # fits the tokenizer anew
    assert not mark.exists()


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(ValueError, match=r"weights.safetensors could not be read into test_efficientnet"):
        _timm(path)
    for header in (b"1 999999999999999\n", b"9" * 5000 + b" 3\n"):
        path.write_bytes(header + b"a " + bytes(12))
        with pytest.raises(ValueError, match=r"weights.safetensors: expected"):
            read_word_vectors(path, ["a"])


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg", "..", "..\\b.jpg"])
def test_names_that_are_paths_are_refused(name: str, tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    with flickr8k.token_file.open("a") as file:
        file.write(f"{name}#0\tA dog runs .\n")
    message = r"Flickr8k.token.txt, line 37: expected the name of a file in the image folder, got '.*', which is a path"
    with pytest.raises(ValueError, match=message):
        flickr8k.datamodule(on_bad_data="skip").prepare_data()

    flickr8k = TinyFlickr8k(tmp_path / "other")
    with flickr8k.split_file("test").open("a") as file:
        file.write(f"{name}\n")
    with pytest.raises(ValueError, match=r"Flickr_8k.testImages.txt, line 3: expected the name of a file"):
        flickr8k.datamodule(on_bad_data="skip").prepare_data()


def test_links_to_files_outside_are_refused_and_those_inside_are_not(tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    secret = tmp_path / "secret.jpg"
    flickr8k.image(3).rename(secret)
    flickr8k.image(3).symlink_to(secret)
    flickr8k.image(4).rename(flickr8k.root / "kept.jpg")
    flickr8k.image(4).symlink_to(Path("..") / "kept.jpg")
    outside = "1 images that are links to files outside of data.root, which data.follow_links=true allows (3.jpg)"
    with pytest.raises(ValueError, match=re.escape(outside)):
        flickr8k.datamodule().prepare_data()
    split = flickr8k.datamodule(on_bad_data="skip").load_splits()["train"]
    assert split.image_names == [f"{n}.jpg" for n in (0, 1, 2, 4, 5, 6, 7)]
    assert len(flickr8k.datamodule(follow_links=True).load_splits()["train"].image_ids) == 8


def test_the_folders_themselves_may_be_links(tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    flickr8k.images.rename(tmp_path / "images")
    flickr8k.images.symlink_to(tmp_path / "images")
    assert len(flickr8k.datamodule().load_splits()["train"].image_ids) == 8
