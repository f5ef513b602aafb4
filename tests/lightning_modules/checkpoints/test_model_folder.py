"""Models as folders: written, read wherever a checkpoint is, and refused where something is wrong with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import average
from captioning.arguments import parse_arguments
from captioning.run import run
from lightning_modules import from_pretrained, load_captioner, load_module, save_pretrained
from lightning_modules.checkpoints.compatibility import refuse_other_model
from lightning_modules.checkpoints.formats import checkpoint_checksum
from lightning_modules.checkpoints.loading import read_record
from lightning_modules.checkpoints.model_card import Origin, origin_of
from lightning_modules.checkpoints.warm_start import warm_start
from lightning_modules.generation import Beam, Greedy, Sample
from tests.exporting.variants import images
from tests.tiny_run import TinyRun


@pytest.fixture(scope="module")
def folder(trained: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model as a folder."""
    path = tmp_path_factory.mktemp("folders") / "model"
    save_pretrained(load_module(trained.best), path, origin=origin_of(trained.best))
    return path


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy that tests may change."""
    return Path(shutil.copytree(folder, tmp_path / "changed"))


def test_it_holds_tensors_settings_and_a_card(folder: Path) -> None:
    names = {"config.json", "model.safetensors", "tokenizer.json", "training_images.safetensors", "README.md"}
    assert {file.name for file in folder.iterdir()} == names
    config = json.loads((folder / "config.json").read_text())
    assert config["facet_class"] == "lightning_modules.VariationalCaptioner"
    assert "tokenizer" not in config["settings"]
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: facet\npipeline_tag: image-to-text\n")
    for part in ("`data=shapes`", "| val/nats/caption |", "It is not known which command", "## Limits"):
        assert part in card


def test_captions_are_bit_identical(trained: TinyRun, folder: Path) -> None:
    ours, theirs = load_captioner(trained.best), load_captioner(folder)
    assert dict(ours.hparams) == dict(theirs.hparams)
    for name, tensor in ours.state_dict().items():
        assert torch.equal(theirs.state_dict()[name], tensor)
    for strategy in (Greedy(), Beam(num=3), Sample(num=3)):
        torch.manual_seed(5)
        first = ours.generate(ours.encode(images()), strategy)
        torch.manual_seed(5)
        second = theirs.generate(theirs.encode(images()), strategy)
        assert first.captions == second.captions
        assert torch.equal(first.log_probability_N, second.log_probability_N)
    assert (read_record(folder).keys == read_record(trained.best).keys).all()
    assert read_record(folder).sources == ("shapes",)


def test_weights_of_16_bits_take_half_the_room(trained: TinyRun, folder: Path, tmp_path: Path) -> None:
    module = load_captioner(trained.best)
    save_pretrained(module, tmp_path / "half", half=True)
    read = load_captioner(tmp_path / "half")
    for (name, weight), half in zip(module.state_dict().items(), read.state_dict().values(), strict=True):
        assert half.dtype == weight.dtype, name
        assert torch.equal(half, weight.half().to(weight.dtype) if weight.is_floating_point() else weight)
    sizes = [(path / "model.safetensors").stat().st_size for path in (folder, tmp_path / "half")]
    assert sizes[1] < 0.75 * sizes[0]  # of such small weights the names take their room, too
    assert "16-bit floats" in (tmp_path / "half" / "README.md").read_text()
    next(module.parameters()).data.fill_(1e6)
    with pytest.raises(ValueError, match="are too large for 16-bit floats; leave --half out"):
        save_pretrained(module, tmp_path / "large", half=True)


def test_scripts_read_it_as_a_checkpoint(
    trained: TinyRun, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    printed = []
    for path in (trained.best, folder):
        run(parse_arguments([str(path), str(tmp_path / "a.png")]))
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    lines = str(tmp_path / "lines.jsonl")
    run(parse_arguments([str(folder), str(tmp_path / "a.png"), "--out", lines]))
    assert len(Path(lines).read_text().splitlines()) == 1
    average.main([str(trained.best), str(folder), "--out", str(tmp_path / "mean.ckpt")])
    states = [load_module(path).state_dict() for path in (trained.best, tmp_path / "mean.ckpt")]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    fresh = load_module(trained.best)
    assert warm_start(fresh, folder, skip=None).skipped == []
    assert len(checkpoint_checksum(folder)) == 64
    assert origin_of(folder) == Origin()


def test_a_run_cannot_go_on_from_it(trained: TinyRun, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"holds weights alone, .* start from them with pretrained_model="):
        refuse_other_model(load_module(trained.best), folder, data={})


def test_a_folder_that_is_there_is_left_alone(trained: TinyRun, folder: Path) -> None:
    before = (folder / "config.json").read_bytes()
    with pytest.raises(ValueError, match="something is there already"):
        save_pretrained(load_module(trained.best), folder)
    assert (folder / "config.json").read_bytes() == before
    assert len([*folder.parent.iterdir()]) == 1


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "training_images.safetensors"])
def test_damage_is_found(changed: Path, name: str) -> None:
    content = bytearray((changed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (changed / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: not the file that config.json tells of, or damaged"):
        load_module(changed)
    (changed / name).unlink()
    with pytest.raises(
        ValueError, match=rf"{name}: No such file or directory; expected one written by save_pretrained"
    ):
        load_module(changed)


def _edit(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 2}, r"config.json: its format is 2, this version reads format 1; use the version that wrote it"),
        ({"facet_format": 99}, r"has format 99, this version reads format 4"),
        ({"facet_class": "os.system"}, r"wants to build os.system, which is not a class of lightning_modules"),
        ({"facet_class": "lightning_modules.load_module"}, r"wants to build lightning_modules.load_module"),
        ({"files": {"../x": "0"}}, r"config.json: it names a file that no model has, '../x'"),
        ({"files": {}}, r"not a readable model"),
        ({"files": 3}, r"not a readable model"),
        ({"trained_on": 3}, r"not a readable model"),
        ({"settings": {}}, r"the checkpoint does not fit this version of the networks"),
    ],
)
def test_what_it_says_is_not_trusted(changed: Path, values: dict[str, Any], message: str) -> None:
    _edit(changed, **values)
    with pytest.raises(ValueError, match=message):
        load_module(changed)


def test_classes_of_strangers_are_not_built(changed: Path) -> None:
    settings = json.loads((changed / "config.json").read_text())["settings"]
    for middle, message in (
        ({"_target_": "subprocess.Popen", "args": "true"}, "wants to build subprocess.Popen"),
        (
            {**settings["middle"], "hidden_size": "${oc.env:HOME}"},
            "refers to others, which could run code; expected plain values",
        ),
    ):
        _edit(changed, settings={**settings, "middle": middle})
        with pytest.raises(ValueError, match=message):
            load_module(changed)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}', "[" * 100_000])
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="this folder holds no model"):
        load_module(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"expected one written by|its format is None"):
        load_module(tmp_path)


def test_settings_that_json_cannot_hold_are_refused(trained: TinyRun, tmp_path: Path) -> None:
    module = load_module(trained.best)
    for value in ({1: 2}, object()):
        module.hparams["middle"] = value
        with pytest.raises(ValueError, match=r"the model's settings .* use plain values"):
            save_pretrained(module, tmp_path / "new")
    assert not [*tmp_path.iterdir()]


def test_the_card_tells_the_command_of_the_run(trained: TinyRun, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "best.ckpt"
    for folder in ("checkpoints", ".hydra"):
        (tmp_path / "run" / folder).mkdir(parents=True)
    shutil.copy(trained.best, checkpoint)
    (tmp_path / "run" / ".hydra" / "overrides.yaml").write_text("- seed=3\n- data.split=[0.8,0.2]\n")
    assert origin_of(checkpoint).command == "python train.py seed=3 'data.split=[0.8,0.2]'"
    assert [*origin_of(checkpoint).figures] == ["val/nats/caption"]


class TestHub:
    """The hub's own client, without a network: from its folder of downloaded models."""

    @pytest.fixture(autouse=True)
    def _cache(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        model = tmp_path / "hub" / "models--facet--tiny"
        shutil.copytree(folder, model / "snapshots" / ("0" * 40))
        (model / "refs").mkdir()
        (model / "refs" / "main").write_text("0" * 40)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    def test_a_model_that_was_downloaded_is_read_offline(self, trained: TinyRun) -> None:
        module = from_pretrained("facet/tiny", local_files_only=True)
        assert all(
            torch.equal(tensor, module.state_dict()[name])
            for name, tensor in load_module(trained.best).state_dict().items()
        )

    def test_a_name_that_is_nowhere_is_told_in_one_line(self) -> None:
        for name in ("facet/none", "runs/no/such.ckpt", "what?"):
            with pytest.raises(
                ValueError, match=r"there is no such folder or file, and the hub gave no model"
            ) as raised:
                from_pretrained(name, local_files_only=True)
            assert "\n" not in str(raised.value)


def test_a_folder_and_a_file_need_no_hub(trained: TinyRun, folder: Path) -> None:
    for path in (folder, trained.best):
        assert from_pretrained(path).hparams["image_size"] == 32
