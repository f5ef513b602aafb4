"""`~` is the home folder in every path, and never a folder of that name."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import average
import evaluate
import score
from captioning.arguments import parse_arguments
from launch.sweeps import with_sweeps
from launch.writable_folder import WritableFolder
from tests.tiny_run import compose_tiny, compose_train, hydra_job, run_tiny
from utils.home_folder import expand_home, in_home

CHOICES = ("data=flickr8k", "tokenizer=gpt2", "model=timm", "model/embedding=pretrained")
PATHS = {
    "data.root": "data.root",
    "cache_dir": "data.cache_dir",
    "resume": "resume",
    "ckpt_path": "ckpt_path",
    "pretrained_model": "pretrained_model",
    "tokenizer.path": "data.tokenizer.path",
    "model.encoder.weights": "model.encoder.weights",
    "model.embedding.vectors": "model.embedding.vectors",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_every_path_of_train_py_may_begin_with_it(home: Path) -> None:
    config = expand_home(compose_train([*CHOICES, *(f"{setting}='~/a b/{setting}'" for setting in PATHS)]))
    found = {setting: OmegaConf.select(config, key) for setting, key in PATHS.items()}
    assert found == {setting: f"{home}/a b/{setting}" for setting in PATHS}


def test_every_path_of_evaluate_py_may_begin_with_it(home: Path) -> None:
    settings = ["ranking=consensus", "checkpoint='~/x.ckpt'", "ranking.index='~/i.npz'", "cache_dir='~'"]
    config = expand_home(compose_train(settings, name="evaluate"))
    assert (config.checkpoint, config.ranking.index) == (f"{home}/x.ckpt", f"{home}/i.npz")
    assert config.data.cache_dir == str(home)


def test_lists_and_what_is_no_path_stay_as_they_are(home: Path) -> None:
    config = OmegaConf.create({"a": ["~/x", {"b": "~/y"}], "c": "~", "d": "a~/b", "e": "~c", "f": "${c}", "g": "???"})
    OmegaConf.set_struct(config, True)
    expected = {"a": [f"{home}/x", {"b": f"{home}/y"}], "c": str(home), "d": "a~/b", "e": "~c", "f": "${c}", "g": "???"}
    assert OmegaConf.to_container(expand_home(config)) == expected
    assert [in_home(text) for text in ("", "~x/y", "./~/x")] == ["", "~x/y", "./~/x"]


def test_a_run_makes_no_folder_of_that_name(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_tiny(tmp_path / "run", "cache_dir='~/cache'", "test=false")
    assert (home / "cache" / "tokenizers").is_dir()
    assert not (tmp_path / "~").exists()
    with (
        hydra_job(compose_tiny(tmp_path / "report", "checkpoint='~/no.ckpt'", name="evaluate")) as config,
        pytest.raises(SystemExit),
    ):
        evaluate.main(config)
    assert f"error: {home}/no.ckpt: " in capsys.readouterr().err


def test_it_is_the_home_folder_on_other_command_lines(home: Path) -> None:
    options = parse_arguments(["~/a.ckpt", "~/p", "--out=~/o", "--index=~/i", "--style-from=~/s"])
    assert [options.checkpoint, *options.images] == [home / "a.ckpt", home / "p"]
    assert (options.out, options.index, options.style_from) == (home / "o", home / "i", home / "s")
    files = score.parse_arguments(["~/r.json", "~/f.json", "--out=~/o"])
    assert (files.results, files.references, files.out) == (home / "r.json", home / "f.json", home / "o")
    assert average.parse_arguments(["~/a.ckpt"]).checkpoints == [home / "a.ckpt"]


@pytest.mark.parametrize("value", ["~", "~/x"])
def test_without_quotes_hydra_does_not_read_it(
    value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "~callbacks.progress_bar", f"data.root={value}"])
    with pytest.raises(SystemExit, match="1"):
        with_sweeps(lambda: pytest.fail("it began"))()
    message = f"error: data.root={value}: Hydra does not read ~ here; write data.root=$HOME{value[1:]}\n"
    assert capsys.readouterr().err == message


def test_the_folder_of_a_run_may_begin_with_it_and_that_of_a_sweep_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = compose_train(["hydra.run.dir='~/run'", "hydra.sweep.dir='~/sweep'"], with_hydra=True)
    WritableFolder().on_run_start(config)
    assert config.hydra.run.dir == f"{home}/run"
    with pytest.raises(SystemExit, match="1"):
        WritableFolder().on_multirun_start(config)
    message = f"error: hydra.sweep.dir=~/sweep: expected a path without ~; write {home}/sweep\n"
    assert capsys.readouterr().err == message
