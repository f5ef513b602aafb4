"""Every option of every config group, found by looking: it composes, builds and runs a training and a validation step.

A new option is covered as soon as its file is there. Those that a family of models has anyway are tried in one run.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from safetensors.torch import save_file
from timm import create_model
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from datamodules.shards.writing import write_shards
from lightning_modules import save_module
from lightning_modules.networks.openai_dvae import OpenAIDiscreteVAE
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.datamodules.hugging_face.tiny_sets import write_parquet, write_saved
from tests.datamodules.images import tiny_images
from tests.metrics.fake_java import install_meteor
from tests.tiny_run import ROOT, SMALL, build_tiny, compose_train, run_tiny, scalars

CONF = ROOT / "conf"
OF_EVALUATION = ("ranking", "drawing", "drawing_ranking")  # groups that training does not have; see test_evaluate.py
OF_IMAGES = tuple(f"data/{name}" for name in ("coco", "flickr30k", "karpathy", "nocaps", "textcaps", "vizwiz"))
"""Options that are `data=images` with other names of files; see datamodules/images/test_options.py."""
ALL_OPTIONS = sorted(
    path.relative_to(CONF).with_suffix("") for path in CONF.glob("*/**/*.yaml") if path.parent.name not in OF_EVALUATION
)
OPTIONS = [option for option in ALL_OPTIONS if option.as_posix() not in OF_IMAGES]
BACKBONE = "test_efficientnet"


def _no_files(folder: Path) -> list[str]:
    return []


def _flickr8k(folder: Path) -> list[str]:
    return [f"data.root={TinyFlickr8k(folder / 'flickr8k').root}"]


def _hugging_face(folder: Path) -> list[str]:
    return [f"data.path={write_saved(folder / 'saved')}"]


def _hugging_face_streaming(folder: Path) -> list[str]:
    return [f"data.path={write_parquet(folder / 'parquet')}"]


def _shards(folder: Path) -> list[str]:
    """Write shards beside the files of Flickr8k."""
    flickr8k = TinyFlickr8k(folder / "flickr8k")
    write_shards(flickr8k.datamodule().load_splits(), flickr8k.root, images_per_shard=3)
    return [f"data.root={flickr8k.root}"]


def _images(folder: Path) -> list[str]:
    tiny_images.tsv(folder / "root")
    return [f"data.root={folder / 'root'}"]


def _backbone(folder: Path) -> list[str]:
    save_file(create_model(BACKBONE).state_dict(), folder / "weights.safetensors")
    return [f"model.encoder.backbone={BACKBONE}", f"model.encoder.weights={folder / 'weights.safetensors'}"]


def _vectors(folder: Path) -> list[str]:
    (folder / "vectors.txt").write_text(f"circle {' '.join(['0.5'] * 12)}\nstar {' '.join(['1'] * 12)}\n")
    return [f"model.embedding.vectors={folder / 'vectors.txt'}"]


def _gpt2(folder: Path) -> list[str]:
    tokenizer = Tokenizer(BPE({byte: i for i, byte in enumerate(sorted(ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(), ByteLevelDecoder()
    tokenizer.save(str(folder / "tokenizer.json"))
    return [f"tokenizer.path={folder}"]


def _checkpoint(folder: Path) -> list[str]:
    return [f"pretrained_model={run_tiny(folder / 'trained', 'test=false').best}"]


def _several_captions(folder: Path) -> list[str]:
    return ["generation=sample"]


def _meteor(folder: Path) -> list[str]:
    return [f"metrics.meteor.{key}={path}" for key, path in install_meteor(folder / "meteor").items()]


def _flickr8k_experiment(folder: Path) -> list[str]:
    return [*_flickr8k(folder), *_backbone(folder)]


def _predicted_words(folder: Path) -> list[str]:
    return ["model/memory=predicted_words"]


def _fine_tuning(folder: Path) -> list[str]:
    files = _flickr8k_experiment(folder)
    trained = run_tiny(folder / "trained", "test=false", choices=["experiment=flickr8k", *files])
    return [*files, f"pretrained_model={trained.best}"]


def _teacher(folder: Path) -> list[str]:
    return [f"model.distillation.teachers=[{run_tiny(folder / 'trained', 'test=false').best}]"]


def _discrete_vae(folder: Path) -> list[str]:
    return ["model=discrete_vae"]  # whose group it is of


def _dalle(folder: Path, *choices: str) -> list[str]:
    """Choose the family, with a discrete VAE that was not trained."""
    coder, _ = build_tiny(folder / "coder", choices=["model=discrete_vae", *choices])
    save_module(coder, folder / "discrete_vae.ckpt")
    return ["model=dalle", f"model.vae.checkpoint={folder / 'discrete_vae.ckpt'}"]


def _openai(folder: Path) -> list[str]:
    sizes = {name: SMALL[name] for name in ("image_size", "hidden_size", "code_dim", "num_codes")}
    save_file(OpenAIDiscreteVAE(**sizes).state_dict(), folder / "openai.safetensors")  # type: ignore[arg-type]
    return ["model=dalle", f"model.vae.weights={folder / 'openai.safetensors'}"]


def _photographs_and_codes(folder: Path) -> list[str]:
    return [*_flickr8k(folder), *_dalle(folder)[1:]]


def _photographs_and_several_codes(folder: Path) -> list[str]:
    return [*_flickr8k(folder), *_dalle(folder, "model/quantizer=residual_vq")[1:]]


PACKAGE_OF_OPTION = {"logger/wandb": "wandb", "logger/mlflow": "mlflow"}
FILES_OF_OPTION: dict[str, Callable[[Path], list[str]]] = {
    "callbacks/images": _discrete_vae,
    "callbacks/images_ema": _discrete_vae,
    "data/flickr8k": _flickr8k,
    "data/hf": _hugging_face,
    "data/hf_streaming": _hugging_face_streaming,
    "data/flickr8k_small": _flickr8k,
    "data/flickr8k_views": _flickr8k,
    "data/webdataset": _shards,
    "data/images": _images,
    "experiment/article": _photographs_and_codes,
    "experiment/article_discrete_vae": _flickr8k,
    "experiment/flickr8k": _flickr8k_experiment,
    "experiment/flickr8k_dalle": _photographs_and_several_codes,
    "experiment/flickr8k_discrete_vae": _flickr8k_experiment,
    "experiment/flickr8k_diverse": _flickr8k_experiment,
    "experiment/flickr8k_resnet": _flickr8k,
    "experiment/flickr8k_scst": _fine_tuning,
    "metrics/diversity": _several_captions,
    "metrics/full": _meteor,
    "experiment/shapes_dalle": _dalle,
    "model/code_embedding/codebook": _dalle,
    "model/code_embedding/learned": _dalle,
    "model/code_reader/convolutional": _dalle,
    "model/code_reader/decoded": _dalle,
    "model/code_reader/none": _dalle,
    "model/dalle": _dalle,
    "model/distillation/teachers": _teacher,
    "model/encoder/efficientnet_lite2": _backbone,
    "model/encoder/timm": _backbone,
    "model/grid_decoder/strided": _discrete_vae,
    "model/loss/discrete_vae": _discrete_vae,
    "model/loss/dalle": _dalle,
    "model/position/add": _dalle,
    "model/position/mult": _dalle,
    "model/loss/terms/predicted_words": _predicted_words,
    "model/quantizer/fsq": _discrete_vae,
    "model/quantizer/gumbel": _discrete_vae,
    "model/quantizer/gumbel_8192": _discrete_vae,
    "model/quantizer/residual_vq": _discrete_vae,
    "model/quantizer/vq": _discrete_vae,
    "model/timm": _backbone,
    "model/transformer/dalle_pytorch": _dalle,
    "model/transformer/standard": _dalle,
    "model/vae/openai": _openai,
    "model/vae/trained": _dalle,
    "model/embedding/pretrained": _vectors,
    "tokenizer/checkpoint": _checkpoint,
    "tokenizer/gpt2": _gpt2,
}


def skip_without_package(option: Path) -> None:
    """Skip a test of an option whose package is too large to be installed for tests alone."""
    if option.as_posix() in PACKAGE_OF_OPTION:
        pytest.importorskip(PACKAGE_OF_OPTION[option.as_posix()])


def _chosen_by(*choices: str) -> set[Path]:
    """Return the options that a run has whose command line chooses these."""
    chosen = compose_train(choices, with_hydra=True).hydra.runtime.choices
    return {Path(group) / name for group, name in chosen.items() if name is not None}


TOGETHER = {
    _no_files: ("trained", _chosen_by()),
    _discrete_vae: ("trained_vae", _chosen_by("model=discrete_vae")),
    _dalle: ("trained_dalle", _chosen_by("model=dalle", "model.vae.checkpoint=unused")),
}
"""By what options need: the run, as its fixture is called, that has no others of these groups, and its options."""


def _shared_run(option: Path) -> str | None:
    """Return the fixture whose run is what that of an option would be; None where it needs one of its own."""
    fixture, chosen = TOGETHER.get(FILES_OF_OPTION.get(option.as_posix(), _no_files), ("", set()))
    return fixture if option in chosen else None


def _choices(option: Path, folder: Path) -> list[str]:
    files = FILES_OF_OPTION.get(option.as_posix(), _no_files)
    return [f"{option.parent.as_posix()}={option.name}", *files(folder)]


@pytest.mark.parametrize("fixture", [fixture for fixture, _ in TOGETHER.values()])
def test_the_options_of_a_family_run_together(fixture: str, request: pytest.FixtureRequest) -> None:
    curves = scalars(request.getfixturevalue(fixture).events)
    assert len(curves["train/loss"]) == 2
    assert len(curves["val/loss"]) == 1
    assert len([option for option in OPTIONS if _shared_run(option) == fixture]) > 3


@pytest.mark.parametrize("option", [option for option in OPTIONS if _shared_run(option) is None], ids=str)
def test_option_composes_builds_and_runs_a_step(option: Path, tmp_path: Path) -> None:
    skip_without_package(option)
    choices = _choices(option, tmp_path)
    settings = ["trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "test=false", "optimized_metric=null"]
    run = run_tiny(tmp_path / "run", *settings, choices=choices)
    assert run.metric is None
    if option.parts[0] != "logger" or option.name == "tensorboard":
        curves = scalars(run.events)
        assert len(curves["train/loss"]) == 1
        assert len(curves["val/loss"]) == 1


def test_the_options_that_need_files_are_there() -> None:
    assert FILES_OF_OPTION.keys() <= {option.as_posix() for option in OPTIONS}


@pytest.mark.parametrize("schedule", sorted(path.stem for path in (CONF / "model/loss/kl_loss_weight").glob("*.yaml")))
@pytest.mark.parametrize("key", ["beta", "gamma", "reconstruction_weight"])
def test_every_weight_of_the_loss_may_follow_a_schedule(schedule: str, key: str) -> None:
    config = compose_train([f"+model/loss/kl_loss_weight@model.loss.{key}={schedule}"])
    assert config.model.loss[key]["_target_"].startswith("lightning_modules.schedules.")


@pytest.mark.parametrize("name", ["train", "evaluate"])
@pytest.mark.parametrize("data", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_the_data_does_not_change_with_the_runs_seed(name: str, data: str) -> None:
    one, other = (
        OmegaConf.to_yaml(compose_train([f"seed={seed}", f"data={data}"], name=name).data, resolve=False)
        for seed in (1, 2)
    )
    assert one == other
    assert "${seed}" not in one
