"""Conversion of the published pickles: what is in them is read and never run, and what is not theirs is refused."""

import builtins
import codecs
import hashlib
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from lightning_modules.networks.openai_dvae import openai_weights
from lightning_modules.networks.openai_dvae.openai_weights import convert, main, published_network
from lightning_modules.networks.openai_dvae.published_pickles import read_published
from tests.lightning_modules.networks.openai_dvae.published import published_pair, small_vae, weights_of


class Attack:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


class HiddenAttack:
    """Looks like a class of the published files, and is none."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return builtins.eval, ("1",)


class RefusedState:
    """Gives a state to bytes, which PyTorch's restricted reader refuses; all that it names is allowed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return codecs.encode, ("a", "latin1"), {"b": 1}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder and a decoder as OpenAI has published them, in small."""
    folder = tmp_path_factory.mktemp("published")
    for name, network in zip(("encoder", "decoder"), published_pair(), strict=True):
        torch.save(network, folder / f"{name}.pkl")
    return folder


def _convert(folder: Path, out: Path, *, encoder: Path | None = None) -> None:
    convert(encoder or folder / "encoder.pkl", folder / "decoder.pkl", out, like=small_vae(device="meta"))


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_converted_file_holds_the_published_weights(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "openai_dvae.safetensors"
    _convert(published, out)
    expected, written = weights_of(*published_pair()), load_file(out)
    assert {*written} == {*expected}
    assert all(torch.equal(written[name], tensor) for name, tensor in expected.items())
    sums = {
        name: hashlib.sha256((published / f"{name}.pkl").read_bytes()).hexdigest() for name in ("encoder", "decoder")
    }
    with safe_open(out, "pt") as file:
        assert file.metadata() == {"sha256": f"encoder.pkl {sums['encoder']}, decoder.pkl {sums['decoder']}"}
    encoder, decoder, result = capsys.readouterr().out.splitlines()
    assert "the encoder, 74 tensors, " in encoder
    assert encoder.endswith(sums["encoder"])
    assert "the decoder, 76 tensors, " in decoder
    assert decoder.endswith(sums["decoder"])
    assert "150 tensors, " in result
    assert result.endswith(_checksum(out))
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    _convert(published, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == out.read_bytes()
    vae = small_vae(str(out))
    vae.load_pretrained()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in vae.state_dict().items())


def test_neither_the_package_nor_pytorchs_layers_are_needed(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a module of the pickle was built")

    for name in [name for name in sys.modules if name.split(".")[0] == "dall_e"]:
        monkeypatch.setitem(sys.modules, name, None)
    for kind in (nn.Module, nn.Sequential, nn.Upsample, nn.MaxPool2d):
        monkeypatch.setattr(kind, "__setstate__", refuse)
    assert len(read_published(published / "encoder.pkl")) == 74
    assert len(read_published(published / "decoder.pkl")) == 76


def test_the_classes_are_replaced_for_that_reader_alone(published: Path) -> None:
    read_published(published / "encoder.pkl")
    assert not [allowed for allowed in torch.serialization.get_safe_globals() if "KeptModule" in str(allowed)]
    with pytest.raises(pickle.UnpicklingError):
        torch.load(published / "encoder.pkl", weights_only=True)


def _attacked(path: Path, mark: Path) -> None:
    encoder, _ = published_pair()
    encoder.attack = Attack(mark)
    torch.save(encoder, path)


def _bare(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Attack(mark)))


def _torn(path: Path, mark: Path) -> None:
    torch.save(published_pair()[0], path)
    path.write_bytes(path.read_bytes()[:-1000])


def _flipped(path: Path, mark: Path) -> None:
    torch.save(published_pair()[0], path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _changed(change: Callable[[Any], object]) -> Callable[[Path, Path], None]:
    def write(path: Path, mark: Path) -> None:
        encoder, _ = published_pair()
        change(encoder)
        torch.save(encoder, path)

    return write


def _saved(make: Callable[[Path], object], **options: Any) -> Callable[[Path, Path], None]:
    return lambda path, mark: torch.save(make(mark), path, **options)


@torch.no_grad()
def _set_nan(encoder: Any) -> None:
    encoder.blocks.group_3.block_2.res_path.conv_2.b[0] = float("nan")


WRONG: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "attack within": (_attacked, r"has published: it names posix.mkdir, which they do not; nothing of it was run"),
    "attack alone": (_saved(Attack), r"it names posix.mkdir, which they do not; nothing of it was run"),
    "eval": (_saved(lambda _: [HiddenAttack()]), r"it names (__builtin__|builtins).eval, which they do not"),
    "refused state": (_saved(lambda _: RefusedState()), r": PyTorch's restricted reader refuses it; nothing of it was"),
    "bare pickle": (_bare, r"expected the zip format that PyTorch writes from version 1.6 on, got another one; if"),
    "old format": (
        _saved(lambda _: published_pair()[0], _use_new_zipfile_serialization=False),
        r"expected the zip format that PyTorch writes from version 1.6 on, .* save it with torch.save in a newer one",
    ),
    "text": (lambda path, _: path.write_text("no pickle"), r"expected the zip format that PyTorch writes"),
    "torn": (_torn, r"expected the zip format that PyTorch writes"),
    "flipped": (_flipped, r"not a usable archive \(.* is damaged\); copy the file again"),
    "missing": (lambda path, _: None, r"there is no such file; expected encoder.pkl or decoder.pkl as OpenAI"),
    "folder": (lambda path, _: path.mkdir(), r"there is no such file; expected encoder.pkl or decoder.pkl"),
    "other class": (_saved(lambda _: nn.Linear(2, 2)), r"it names torch.nn.modules.linear.Linear, which they do not"),
    "state": (_saved(lambda _: published_pair()[0].state_dict()), r"it holds a OrderedDict at its root, where they"),
    "tensor": (_saved(lambda _: torch.zeros(3)), r"it holds a Tensor at its root, where they have a module"),
    "decoder": (_saved(lambda _: published_pair()[1]), r"expected the encoder .*, got 76 tensors, with blocks.*has 74"),
    "other size": (
        _changed(lambda encoder: setattr(encoder.blocks.input, "w", nn.Parameter(torch.zeros(64, 3, 5, 5)))),
        r"expected the encoder .*, got blocks.input.w of shape \[64, 3, 5, 5\], where it has \[64, 3, 7, 7\]",
    ),
    "one too many": (
        _changed(lambda encoder: encoder.blocks.input.register_buffer("scale", torch.ones(1))),
        r"got 75 tensors, with blocks.input.scale, where it has 74",
    ),
    "one too few": (
        _changed(lambda encoder: encoder.blocks.input.register_parameter("b", None)),
        r"got 73 tensors, without blocks.input.b, where it has 74",
    ),
    "half": (_changed(lambda encoder: encoder.half()), r"blocks.input.w of type torch.float16, torch.strided, where"),
    "not finite": (
        _changed(_set_nan),
        r"expected finite numbers, got others in blocks.group_3.block_2.res_path",
    ),
    "twice": (
        _changed(lambda encoder: encoder.blocks.group_1.add_module("block_2", encoder.blocks.group_1.block_1)),
        r"it holds the module at blocks.group_1.block_2. twice",
    ),
    "in itself": (_changed(lambda encoder: encoder.__dict__.update(_modules={"a": encoder})), r"module at a. twice"),
    "no tensor": (
        _changed(lambda encoder: encoder.blocks.input.__dict__.update(_parameters={"w": OrderedDict()})),
        r"it holds a OrderedDict at blocks.input.w, where they have a tensor",
    ),
    "no names": (
        _changed(lambda encoder: encoder.__dict__.update(_modules={1: encoder.blocks})),
        r"its modules have no usable _modules",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_the_published_encoder_is_refused_in_one_line(wrong: str, published: Path, tmp_path: Path) -> None:
    write, message = WRONG[wrong]
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    path, mark = tmp_path / "in" / "encoder.pkl", tmp_path / "mark"
    write(path, mark)
    with pytest.raises(ValueError, match=message) as refused:
        _convert(published, tmp_path / "out" / "dvae.safetensors", encoder=path)
    line = str(refused.value)
    assert line.startswith(f"{path}: ")
    assert len(line.splitlines()) == 1
    assert not mark.exists()  # nothing of it was run
    assert [*(tmp_path / "out").iterdir()] == []  # and nothing written


def test_a_content_that_is_too_large_is_refused(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightning_modules.networks.openai_dvae.published_pickles.MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"encoder.pkl: not a usable archive \(its content has .* more than 1,000\)"):
        _convert(published, tmp_path / "dvae.safetensors")


def test_a_failed_write_leaves_no_file(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("utils.files.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        _convert(published, tmp_path / "dvae.safetensors")
    assert [*tmp_path.iterdir()] == []


def test_the_command(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(published / f"{name}.pkl") for name in ("encoder", "decoder")]
    out = tmp_path / "openai_dvae.safetensors"
    with pytest.raises(SystemExit, match=r"^error: .*encoder.pkl: expected the encoder that OpenAI has pub"):
        main([*files, str(out)])  # which are smaller than the published ones
    assert published_network().encoder.blocks.get_parameter("input.w").is_meta
    monkeypatch.setattr(openai_weights, "published_network", partial(small_vae, device="meta"))
    with pytest.raises(SystemExit, match=r"^error: .*: expected the name of a file in a folder that exists; change it"):
        main([*files, str(tmp_path / "missing" / "dvae.safetensors")])
    assert [*tmp_path.iterdir()] == []
    main([*files, str(out)])
    assert len(capsys.readouterr().out.splitlines()) == 3
    content = out.read_bytes()
    with pytest.raises(SystemExit, match=r"^error: .*: a file of this name is there, and would be lost; name another"):
        main([*files, str(out)])
    assert out.read_bytes() == content


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, r"dvae.safetensors is not a file; write one with python -m .*openai_weights, or"),
    "text": (lambda path: path.write_text("no tensors"), r"expected a safetensors file, got: .*; write it with python"),
    "pickle": (lambda path: torch.save({}, path), r"expected a safetensors file, got: "),
    "encoder alone": (
        lambda path: save_file(small_vae().encoder.state_dict(), path),
        r"expected OpenAI's discrete VAE, got 74 tensors, without encoder.blocks.input.w, where it has 150; write",
    ),
    "half": (lambda path: save_file(small_vae().half().state_dict(), path), r"of type torch.float16"),
    "empty": (lambda path: save_file({}, path), r"got 0 tensors, without encoder.blocks.input.w"),
}


@pytest.mark.parametrize("wrong", FILES)
def test_a_file_that_was_not_converted_is_refused_and_changes_nothing(wrong: str, tmp_path: Path) -> None:
    write, message = FILES[wrong]
    path = tmp_path / "dvae.safetensors"
    write(path)
    vae = small_vae(str(path))
    before = {name: tensor.clone() for name, tensor in vae.state_dict().items()}
    with pytest.raises(ValueError, match=rf"model.vae.weights=.*{message}") as refused:
        vae.load_pretrained()
    assert len(str(refused.value).splitlines()) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in vae.state_dict().items())


def test_a_file_must_be_named_to_start_from() -> None:
    with pytest.raises(ValueError, match=r"model.vae.weights=null: expected the safetensors file .* name it"):
        small_vae().load_pretrained()
