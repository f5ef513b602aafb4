"""A folder has one owner, and what it holds is kept."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import train
from launch.restarts import has_restarted, note_job
from launch.run_folder import OWNER, FolderTakenError, OwnFolder, in_own_folder, release, release_all, take
from tests.test_train import _command_line, _tiny_arguments
from tests.tiny_run import ROOT, TinyRun, compose_train, hydra_job


@pytest.fixture(autouse=True)
def _own_nothing() -> Iterator[None]:
    yield
    release_all()


@pytest.fixture
def owner() -> Iterator[Callable[[Path], int]]:
    """Returns a function that lets another process own a folder, and gives its id."""
    children: list[int] = []

    def own(folder: Path) -> int:
        received, told = os.pipe()
        child = os.fork()
        if child == 0:
            take(folder, "hydra.run.dir")
            os.write(told, b"!")
            signal.pause()
        children.append(child)
        os.read(received, 1)
        return child

    yield own
    for child in children:
        end(child)


def end(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def holds_a_run(folder: Path) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"precious")
    (folder / "config.yaml").write_text("seed: 1\n")
    return folder


def test_two_processes_cannot_own_a_folder_and_a_killed_one_owns_it_no_more(
    owner: Callable[[Path], int], tmp_path: Path
) -> None:
    child = owner(tmp_path / "run")
    with pytest.raises(
        FolderTakenError, match=f"run: a run is at work in this folder .process {child} host .*; choose"
    ):
        take(tmp_path / "run", "hydra.run.dir")
    with pytest.raises(FolderTakenError, match=r"^resume=.*; wait for its end, or stop it first"):
        take(tmp_path / "run", "resume", goes_on=True)
    end(child)
    take(tmp_path / "run", "hydra.run.dir")


def test_a_process_that_is_forked_does_not_own_what_its_parent_does(tmp_path: Path) -> None:
    take(tmp_path / "run", "hydra.run.dir")
    child = os.fork()
    if child == 0:  # such as one that loads images, and outlives a parent that was killed
        signal.pause()
    release(tmp_path / "run")
    other = os.fork()
    if other == 0:
        take(tmp_path / "run", "hydra.run.dir")
        os._exit(0)
    assert os.waitpid(other, 0)[1] == 0
    end(child)


@pytest.mark.parametrize(
    "name", ["checkpoints/last.ckpt", "tensorboard/events.out", "captions.json", "scores.json", "sweep.csv"]
)
def test_results_are_not_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(
        FolderTakenError, match=f"holds {name.split('/')[0]} of an earlier run, .*; choose another folder"
    ):
        take(tmp_path, "hydra.run.dir")
    assert not (tmp_path / OWNER).exists()
    take(tmp_path, "resume", goes_on=True)


def test_what_an_early_mistake_leaves_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints").mkdir()
    take(tmp_path, "hydra.run.dir")
    release(tmp_path)
    assert not (tmp_path / OWNER).exists()


def test_the_message_names_a_command_that_can_be_pasted(tmp_path: Path) -> None:
    folder = holds_a_run(tmp_path / "my run, lr=0.1")
    with pytest.raises(FolderTakenError) as refused:
        take(folder, "hydra.run.dir")
    assert str(refused.value).endswith(f"go on with that run: python train.py resume=\"'{folder}'\"")


def test_a_run_into_the_folder_of_another_ends_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = holds_a_run(tmp_path / "run")
    _command_line(monkeypatch, *_tiny_arguments(tmp_path))
    with pytest.raises(SystemExit, match="1"):
        train.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: hydra.run.dir={folder} holds checkpoints of an earlier run")
    assert sorted(path.name for path in folder.rglob("*")) == ["checkpoints", "config.yaml", "last.ckpt"]


def test_a_run_that_is_still_going_on_cannot_be_resumed(
    owner: Callable[[Path], int], trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_bytes((trained.folder / "config.yaml").read_bytes())
    owner(tmp_path / "run")
    own = [f"resume={tmp_path}/run", f"hydra.runtime.output_dir={tmp_path}/hydra", "hydra.mode=RUN"]
    with hydra_job(compose_train(own, with_hydra=True)) as config, pytest.raises(SystemExit, match="1"):
        train.main(config)
    assert f"error: resume={tmp_path}/run: a run is at work in this folder" in capsys.readouterr().err


def test_two_jobs_of_a_sweep_cannot_share_a_folder(tmp_path: Path) -> None:
    take(holds_a_run(tmp_path / "sweep" / "0").parent, "hydra.sweep.dir")
    with pytest.raises(FolderTakenError):
        take(tmp_path / "sweep" / "0", "hydra.run.dir")


def test_a_job_that_slurm_has_started_again_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = with_folder(holds_a_run(tmp_path / "run"), named=True)
    with pytest.raises(SystemExit, match="1"):
        OwnFolder().on_run_start(config)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    OwnFolder().on_run_start(config)


@pytest.mark.parametrize("restarts", ["1", "0"], ids=["agent that has stayed", "agent brought back"])
def test_a_job_that_torchrun_has_started_again_goes_on(
    restarts: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = holds_a_run(tmp_path / "run")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    note_job(folder)
    assert has_restarted(folder)
    for other in ("another", "none"):  # torchrun's own name for all jobs tells them not apart
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", other)
        assert not has_restarted(folder)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
    OwnFolder().on_run_start(with_folder(folder, named=True))


def test_a_folder_that_nobody_has_named_is_counted_up(owner: Callable[[Path], int], tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    (report / "captions.json").touch()
    owner(tmp_path / "report-2")
    config = with_folder(report, named=False)
    OwnFolder(numbered=True).on_run_start(config)
    assert config.hydra.run.dir == f"{report}-3"
    with pytest.raises(SystemExit, match="1"):
        OwnFolder(numbered=True).on_run_start(with_folder(report, named=True))


def test_further_processes_share_the_folder_of_the_first(
    owner: Callable[[Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner(tmp_path / "report")
    config = with_folder(tmp_path / "report", named=True)  # as Lightning starts them
    monkeypatch.setenv("LOCAL_RANK", "1")
    OwnFolder(numbered=True).on_run_start(config)
    assert config.hydra.run.dir == f"{tmp_path}/report"
    assert in_own_folder(lambda config: config.hydra.run.dir)(config) == f"{tmp_path}/report"


def with_folder(folder: Path, *, named: bool) -> DictConfig:
    config = OmegaConf.create({"hydra": {"run": {"dir": str(folder)}, "overrides": {"hydra": []}}})
    if named:
        config.hydra.overrides.hydra.append(f"hydra.run.dir={folder}")
    OmegaConf.set_readonly(config, True)
    return config


@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_scripts_that_start_together_have_folders_of_their_own(script: str) -> None:
    folders: list[tuple[str, str]] = []
    for _ in range(2):
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose(script, ["hydra.job.num=0"], return_hydra_config=True)
        assert config.hydra.callbacks.folder._target_ == "launch.run_folder.OwnFolder"
        folders.append((config.hydra.run.dir, config.hydra.sweep.dir))
    (run, sweep), (other_run, other_sweep) = folders
    assert sweep != other_sweep
    assert run != other_run or config.hydra.callbacks.folder.numbered
