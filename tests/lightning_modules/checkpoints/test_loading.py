from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model

from lightning_modules import VariationalCaptioner, load_captioner
from lightning_modules.checkpoints.formats import CHECKPOINT_FORMAT
from lightning_modules.generation import Greedy
from tests.tiny_run import TinyRun, run_tiny

Checkpoint = dict[str, Any]


@pytest.fixture
def checkpoint(trained: TinyRun) -> Checkpoint:
    return torch.load(trained.best, weights_only=True)


def _images() -> torch.Tensor:
    return torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)


def _saved(checkpoint: object, folder: Path) -> Path:
    torch.save(checkpoint, folder / "changed.ckpt")
    return folder / "changed.ckpt"


def test_the_trainers_checkpoint_holds_no_code_and_names_its_format(checkpoint: Checkpoint) -> None:
    assert checkpoint["facet_format"] == CHECKPOINT_FORMAT
    assert {"state_dict", "hyper_parameters", "optimizer_states"} <= checkpoint.keys()


def test_reloads_alone_and_generates_the_same(trained: TinyRun, checkpoint: Checkpoint) -> None:
    by_us = load_captioner(trained.best)
    by_lightning = VariationalCaptioner.load_from_checkpoint(trained.best, weights_only=True, map_location="cpu").eval()
    assert not by_us.training
    for captioner in (by_us, by_lightning):
        for name, value in captioner.state_dict().items():
            assert torch.equal(value, checkpoint["state_dict"][name])
    images_BCHW = _images()
    first, second = (captioner.generate(captioner.encode(images_BCHW), Greedy()) for captioner in (by_us, by_lightning))
    assert first.captions == second.captions
    assert torch.equal(by_us.reconstruct(first.tokens_NL), by_lightning.reconstruct(second.tokens_NL))


def test_a_model_that_began_from_other_files_reloads_without_them(tmp_path: Path) -> None:
    weights, vectors = tmp_path / "weights.safetensors", tmp_path / "vectors.txt"
    save_file(create_model("test_efficientnet").state_dict(), weights)
    vectors.write_text(f"circle {' '.join(['7'] * 12)}\n")
    run = run_tiny(
        tmp_path / "run",
        "trainer.limit_train_batches=1",
        "test=false",
        choices=[
            "model=timm",
            "model/embedding=pretrained",
            "model.encoder.backbone=test_efficientnet",
            f"model.encoder.weights={weights}",
            f"model.embedding.vectors={vectors}",
        ],
    )
    weights.unlink()
    vectors.unlink()
    captioner = load_captioner(run.best)
    torch.manual_seed(0)
    images_BCHW = _images()
    assert (
        captioner.generate(captioner.encode(images_BCHW)).captions
        == load_captioner(run.best).generate(load_captioner(run.best).encode(images_BCHW)).captions
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"these are words, not weights", "not a readable checkpoint"),
        (b"", "not a readable checkpoint"),
        (b"\x80\x04.", "not a readable checkpoint"),
    ],
)
def test_refuses_what_is_no_checkpoint(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"file.ckpt: {message} .*; expected one written by train.py"):
        load_captioner(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.999])
def test_refuses_a_torn_checkpoint(trained: TinyRun, tmp_path: Path, share: float) -> None:
    whole, torn = trained.best.read_bytes(), tmp_path / "torn.ckpt"
    torn.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"torn.ckpt: not a readable checkpoint .*; expected one written by train.py"):
        load_captioner(torn)


def test_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone.ckpt: there is no such file; expected a checkpoint written by train"):
        load_captioner(tmp_path / "gone.ckpt")
    with pytest.raises(ValueError, match=r"this folder holds no model \(no config.json\)"):
        load_captioner(tmp_path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, torch.zeros(3), ["facet_format"]])
def test_refuses_other_peoples_checkpoints(tmp_path: Path, content: object) -> None:
    with pytest.raises(ValueError, match=r"not a checkpoint of this project; expected one written by train.py"):
        load_captioner(_saved(content, tmp_path))


def test_refuses_a_pickle_that_would_run_code(tmp_path: Path, checkpoint: Checkpoint) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return Path.touch, (tmp_path / "ran",)

    with pytest.raises(ValueError, match="not a readable checkpoint"):
        load_captioner(_saved({**checkpoint, "more": Hostile()}, tmp_path))
    assert not (tmp_path / "ran").exists()


def test_refuses_another_format(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match="has format 99, this version reads format 4; use the version that wrote it"):
        load_captioner(_saved({**checkpoint, "facet_format": 99}, tmp_path))


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.exec",
        "torch.load",
        "torch.hub.load",
        "subprocess.Popen",
        "lightning_modules.losses.terms.math.sqrt",
        "captioning.pipeline.torch.load",
        "captioning.pipeline.Path.touch",
        "captioning.pipeline.Path",
        "lightning_modules.checkpoints.loading.load_captioner",
        "lightning_modules.base.LightningModule",
        "lightning_modules_evil.Encoder",
        "torch.optimizers.Adam",
    ],
)
@pytest.mark.parametrize("place", ["part", "nested", "list"])
def test_refuses_to_build_what_is_not_a_class_of_ours(
    tmp_path: Path, checkpoint: Checkpoint, target: str, place: str
) -> None:
    settings = {**checkpoint["hyper_parameters"]}
    evil = {"_target_": target}
    if place == "part":
        settings["encoder"] = evil
    elif place == "nested":
        settings["loss"] = {**settings["loss"], "beta": evil}
    else:
        settings["generation"] = {**settings["generation"], "more": [0.9, evil]}
    changed = _saved({**checkpoint, "hyper_parameters": settings}, tmp_path)
    with pytest.raises(ValueError, match=f"wants to build {target}, which is not a class of .*trusted_packages"):
        load_captioner(changed)


def test_an_optimizer_is_not_built_and_may_be_of_any_package(tmp_path: Path, checkpoint: Checkpoint) -> None:
    settings = {**checkpoint["hyper_parameters"], "optimizer": {"_target_": "timm.optim.Lamb", "lr": 0.1}}
    assert load_captioner(_saved({**checkpoint, "hyper_parameters": settings}, tmp_path)).image_size == 32


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("os.system", "wants to build os.system, which is not a class of"),
        ("my_lab.Captioner", r"name its package: train.py and evaluate.py trusted_packages=\[PACKAGE\]"),
        (
            "lightning_modules.losses.VAELoss",
            "is of lightning_modules.losses.VAELoss, which is no FacetModule; derive it",
        ),
        ("lightning_modules.Gone", "this version has no lightning_modules.Gone; use the version"),
    ],
)
def test_the_class_of_the_model_is_looked_at_too(
    name: str, message: str, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    with pytest.raises(ValueError, match=message):
        load_captioner(_saved({**checkpoint, "facet_class": name}, tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "${oc.create:{_target_:pathlib.Path.touch,_args_:[{_target_:pathlib.Path,_args_:['FILE']}]}}",
        "${oc.create:{_target_:torch.save,obj:1,f:'FILE'}}",
        "${oc.create:{_target_:os.mkdir,path:'FILE'}}",
        "${oc.env:HOME}",
    ],
)
def test_refuses_text_that_the_config_library_would_interpret(
    tmp_path: Path, checkpoint: Checkpoint, text: str
) -> None:
    """OmegaConf would turn such text into a config with a `_target_` of its own, after the check of the targets."""
    settings = {**checkpoint["hyper_parameters"]}
    settings["combiner"] = {**settings["combiner"], "context_dim": text.replace("FILE", str(tmp_path / "ran"))}
    with pytest.raises(ValueError, match=r"changed.ckpt: .*\$\{"):
        load_captioner(_saved({**checkpoint, "hyper_parameters": settings}, tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("target", [5, ["os.system"], None])
def test_refuses_a_target_that_is_no_name(tmp_path: Path, checkpoint: Checkpoint, target: object) -> None:
    settings = {**checkpoint["hyper_parameters"], "encoder": {"_target_": target}}
    with pytest.raises(ValueError, match=r"changed.ckpt: "):
        load_captioner(_saved({**checkpoint, "hyper_parameters": settings}, tmp_path))


def test_a_class_that_this_version_lacks_is_a_matter_of_versions(tmp_path: Path, checkpoint: Checkpoint) -> None:
    gone = {"_target_": "lightning_modules.networks.encoders.GoneEncoder"}
    settings = {**checkpoint["hyper_parameters"], "encoder": gone}
    with pytest.raises(ValueError, match=r"changed.ckpt: .*GoneEncoder"):
        load_captioner(_saved({**checkpoint, "hyper_parameters": settings}, tmp_path))


@pytest.mark.parametrize("change", ["unknown setting", "missing setting", "other width", "missing weight"])
def test_refuses_what_does_not_fit_the_networks(tmp_path: Path, checkpoint: Checkpoint, change: str) -> None:
    settings, weights = {**checkpoint["hyper_parameters"]}, {**checkpoint["state_dict"]}
    if change == "unknown setting":
        settings["combiner"] = {**settings["combiner"], "colour": 3}
    elif change == "missing setting":
        del settings["decoder"]
    elif change == "other width":
        settings["middle"] = {**settings["middle"], "hidden_size": 24}
    else:
        weights.pop(next(iter(weights)))
    changed = _saved({**checkpoint, "hyper_parameters": settings, "state_dict": weights}, tmp_path)
    with pytest.raises(
        ValueError, match=r"does not fit this version of the networks .*; use the version that wrote it"
    ):
        load_captioner(changed)


def test_classes_of_a_package_that_the_reader_trusts_may_be_built(
    tmp_path: Path, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_combiners.py").write_text(
        "from lightning_modules.networks.combiners import MultCombiner\n\nclass Mine(MultCombiner):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = {**checkpoint["hyper_parameters"]}
    settings["combiner"] = {**settings["combiner"], "_target_": "my_combiners.Mine"}
    changed = _saved({**checkpoint, "hyper_parameters": settings}, tmp_path)
    with pytest.raises(ValueError, match=r"wants to build my_combiners.Mine"):
        load_captioner(changed)
    captioner = load_captioner(changed, trusted_packages=("my_combiners",))
    assert type(captioner.network.combiner).__name__ == "Mine"
