"""Every cache is another one where anything differs that its content depends on."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import numpy as np
import PIL
import pytest
import tokenizers
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from callbacks.cached_features import features_key
from captioning.arguments import parse_arguments
from captioning.lines import fingerprint
from captioning.strategy import load_option, ranking_settings, strategy_settings
from datamodules.feature_cache import FeatureCache, FeatureSource
from datamodules.fingerprint import fingerprint as data_fingerprint
from datamodules.image_files import file_states, image_check
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.images import ImagesDataModule, images_datamodule
from datamodules.shapes import drawing
from datamodules.shapes.image_cache import ImageCache
from datamodules.shapes.shapes_datamodule import ShapesSplit
from datamodules.tokenizers import cache as tokenizer_cache
from datamodules.tokenizers import fit_bpe, fit_word
from datamodules.transformed_view import TransformedView
from lightning_modules.networks.encoders import Encoder, TimmEncoder
from lightning_modules.networks.encoders.fingerprint import encoder_fingerprint
from lightning_modules.ranking import training_index
from tests.tiny_run import build_tiny

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Cache:
    """A cache's key as a function of its inputs, with two values of each."""

    key: Callable[[Inputs], str]
    inputs: Mapping[str, tuple[Any, Any]]


READER = {"PIL.__version__": ("1", "2"), "torchvision.__version__": ("1", "2")}
CODE = ("code", "other code")


def _split(of: Inputs) -> ImageFileSplit:
    names = of["names"]
    return ImageFileSplit(
        paths=[Path("folder") / name for name in names],
        image_ids=range(len(names)),
        captions=of.get("captions", [["a"]] * len(names)),
        file_keys=[(key, 0) for key in of["contents"]],
        image_size=of["image_size"],
    )


SPLIT = {"names": (["a", "b"], ["b", "a"]), "contents": ([1, 2], [1, 3]), "image_size": (16, 32)}


def _tokenizer(of: Inputs) -> str:
    function = {"word": fit_word, "bpe": fit_bpe}[of["fitter"]]
    with patch.object(tokenizer_cache, "sources_of", lambda module: of["code"]):
        return tokenizer_cache._key(partial(function, max_length=of["max_length"]), of["captions"])


def _vocabulary(of: Inputs) -> str:
    folder = Path(mkdtemp())
    (folder / of["name"]).write_text(of["content"])
    os.utime(folder / of["name"], ns=(0, 0))
    return tokenizer_cache._key(partial(_from_files, path=str(folder)), ["a"])


def _from_files(captions: Any, *, path: str) -> Any: ...


def _drawn(of: Inputs) -> str:
    with (
        patch.dict(drawing.RGB, red=of["red"]),
        patch("datamodules.shapes.image_cache.sources_of", lambda module: of["code"]),
    ):
        return ImageCache(Path(), seed=of["seed"], num_images=of["num"], image_size=of["image_size"]).path.name


def _drawn_split(of: Inputs) -> str:
    return ShapesSplit(range(len(of["images"])), [], of["images"]).image_fingerprint


def _checked(of: Inputs) -> str:
    times = {"st_mtime_ns": of["mtime"], "st_ctime_ns": of["ctime"]}
    state = os.stat_result([0] * 6 + [of["size"], 0, 0, 0], times)
    with patch("datamodules.image_files.file_states.os.stat", lambda path: state):
        known_by = file_states.state_of(of["name"])
    with patch.object(image_check, "sources_of", lambda module: of["code"]):
        return f"{image_check._key(Path(of['folder']))} {of['name']} {known_by}"


def _kept_splits(of: Inputs) -> str:
    own = {name: value for name, value in of.items() if name not in ("code", "states") and "." not in name}
    with (
        patch.object(images_datamodule, "sources_of", lambda module: of["code"]),
        patch.object(images_datamodule, "states_of", lambda places, but: of["states"]),
    ):
        return ImagesDataModule(root="root", tokenizer=fit_word, **own)._key()


def _features(of: Inputs) -> str:
    source = FeatureSource(encode=lambda images: images, fingerprint=of["encoder"], positions=of["positions"], width=3)
    return FeatureCache(Path(), _split(of), source).path.name


def _view(of: Inputs) -> str:
    transform = v2.RandomApply([v2.RandomInvert(p=of["inner"])], p=of["outer"])
    return TransformedView(split=_split(of), transform=transform, number=of["number"]).image_fingerprint


@cache
def _encoder(backbone: str) -> TimmEncoder:
    torch.manual_seed(0)
    return TimmEncoder(image_size=32, backbone=backbone, weights=None)


def _encoded(of: Inputs) -> str:
    encoder: Encoder = _encoder("test_efficientnet")
    first, scaling = next(encoder.parameters()), encoder.get_submodule("scale_pixels").mean_C11
    with torch.no_grad(), ExitStack() as changes:
        for tensor, name in ((first, "weights"), (scaling, "mean")):
            changes.callback(partial(tensor.copy_, tensor.clone()))
            tensor.add_(of[name])
        changes.enter_context(patch.object(torch, "get_float32_matmul_precision", lambda: of["precision"]))
        settings_of_encoder = {"backbone": of["backbone"], "weights": "anywhere"}
        known = encoder_fingerprint(encoder, settings_of_encoder, of["image_size"])
        return features_key(known, of["code"], torch.device(of["device"]))


@cache
def _tiny() -> Any:
    return build_tiny(Path(mkdtemp()) / "run")[0]


def _index(of: Inputs) -> str:
    captioner = _tiny()
    with patch.object(type(captioner), "features_code", of["code"]):
        return training_index.data_fingerprint(captioner, _split(of))


def _data(of: Inputs) -> str:
    return str(data_fingerprint({of["split"]: _split(of)}))


@cache
def _file(content: str) -> Path:
    path = Path(mkdtemp()) / "file"
    path.write_text(content)
    return path


def _lines(of: Inputs) -> str:
    files = {"--index": _file(of["index"]), "--style-from": _file(of["style_from"])}
    own = {name: of[name] for name in ("--seed", "--device", "--num", "--temperature", "--set", "--words", "--rank")}
    arguments = [str(part) for pair in {**files, **own}.items() for part in pair]
    options = parse_arguments([str(_file(of["checkpoint"])), "photo.jpg", "--strategy", "sample", *arguments])
    with patch("captioning.strategy.load_option", lambda *option: deepcopy(_option(*option))):
        return fingerprint(options, strategy_settings(options), ranking_settings(options))


_option = cache(load_option)


CACHES = {
    "tokenizers": Cache(
        _tokenizer,
        {
            "fitter": ("word", "bpe"),
            "max_length": (3, 4),
            "captions": (["a b", "c"], ["a", "b c"]),
            "code": CODE,
            "tokenizers.__version__": ("1", "2"),
        },
    ),
    "vocabularies": Cache(_vocabulary, {"name": ("a.json", "b.json"), "content": ("12", "21")}),
    "drawn images": Cache(
        _drawn,
        {
            "seed": (1, 2),
            "num": (3, 4),
            "image_size": (32, 33),
            "red": ((1, 1, 1), (2, 2, 2)),
            "code": CODE,
            "numpy.__version__": ("1", "2"),
        },
    ),
    "a drawn split": Cache(_drawn_split, {"images": (np.zeros((2, 3, 2, 2)), np.zeros((1, 3, 2, 4)))}),
    "checked images": Cache(
        _checked,
        {
            "folder": ("a", "b"),
            "name": ("a", "b"),
            "size": (1, 2),
            "mtime": (1, 2),
            "ctime": (1, 2),
            "code": CODE,
            **READER,
        },
    ),
    "kept splits": Cache(
        _kept_splits,
        {
            "annotations": ({"train": "a"}, {"val": "a"}),
            "columns": ({}, {"image": "name"}),
            "split": ("official", [0.8, 0.1, 0.1]),
            "split_seed": (42, 43),
            "restval": (True, False),
            "test_from_val": (None, 0.5),
            "follow_links": (False, True),
            "states": ("a", "b"),
            "code": CODE,
            **READER,
        },
    ),
    "features": Cache(_features, {**SPLIT, "encoder": ("a", "b"), "positions": (2, 3), **READER}),
    "views": Cache(_view, {**SPLIT, "inner": (0.1, 0.2), "outer": (0.1, 0.9), "number": (1, 2)}),
    "encoders": Cache(
        _encoded,
        {
            "weights": (0.0, 1.0),
            "mean": (0.0, 1.0),
            "backbone": ("a", "b"),
            "image_size": (32, 64),
            "device": ("cpu", "cuda"),
            "precision": ("highest", "high"),
            "code": CODE,
            "metadata.version": (lambda name: "1", lambda name: "2"),  # of timm
            "torch.__version__": ("1", "2"),
        },
    ),
    "training index": Cache(_index, {**SPLIT, "captions": ([["a"], ["b"]], [["a"], ["c"]]), "code": CODE, **READER}),
    "data": Cache(_data, {**SPLIT, "captions": ([["a"], ["b"]], [["a", "b"], []]), "split": ("train", "test")}),
    "caption.py --out": Cache(
        _lines,
        {
            "checkpoint": ("a", "b"),
            "index": ("a", "b"),
            "style_from": ("a", "b"),
            "--seed": (0, 1),
            "--device": ("cpu", "cuda"),
            "--num": (2, 3),
            "--temperature": (1.0, 0.5),
            "--set": ("typical_p=0.5", "typical_p=0.6"),
            "--words": ("a", "b"),
            "--rank": ("consensus", "mix"),
            "tokenizers.__version__": ("1", "2"),
            "metadata.version": (lambda name: "1", lambda name: "2"),  # of timm
            **READER,
        },
    ),
}
MODULES = {"PIL": PIL, "torch": torch, "torchvision": torchvision, "numpy": np, "tokenizers": tokenizers}
MODULES["metadata"] = metadata


def _key(of: Cache, changed: set[str]) -> str:
    inputs = {name: values[name in changed] for name, values in of.inputs.items()}
    with ExitStack() as versions:
        for name, value in inputs.items():
            module, _, attribute = name.partition(".")
            if attribute:
                versions.enter_context(patch.object(MODULES[module], attribute, value))
        return of.key(inputs)


@pytest.mark.parametrize("name", CACHES)
def test_each_input_has_a_say(name: str) -> None:
    of = CACHES[name]
    keys = [_key(of, changed) for changed in (set[str](), *({part} for part in of.inputs))]
    assert len({*keys}) == 1 + len(of.inputs)
    assert _key(of, set()) == keys[0]


@pytest.mark.parametrize("name", CACHES)
@settings(max_examples=15)
@given(st.data())
def test_no_two_changes_make_up_for_each_other(name: str, data: st.DataObject) -> None:
    of = CACHES[name]
    one, other = (data.draw(st.sets(st.sampled_from(sorted(of.inputs)))) for _ in range(2))
    assert (_key(of, one) == _key(of, other)) == (one == other)
