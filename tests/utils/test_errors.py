from collections.abc import Callable

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.utils.data import DataLoader, Dataset

from tests.tiny_run import compose_train, hydra_job
from utils.errors import cause_of, first_line, in_one_line, in_sweep


def refuse(message: str) -> None:
    """What a component does with a setting out of range."""
    raise ValueError(message)


def break_down() -> None:
    raise KeyError("a bug of ours")


def _failing(error: Exception) -> Callable[[], None]:
    @in_one_line
    def job() -> None:
        raise error

    return job


@pytest.mark.parametrize("error", [ValueError("data.x must be 1, got 2"), FileNotFoundError("no file a.jpg")])
def test_a_users_mistake_is_one_line_and_exit_code_1(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_of:
        _failing(error)()
    assert exit_of.value.code == 1
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_mistake_inside_of_an_instantiation_is_told_by_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    @in_one_line
    def job() -> None:
        inner = {"_target_": f"{__name__}.refuse", "message": "loss.beta must be 0 or more"}
        instantiate({"_target_": "builtins.dict", "outer": {"_target_": "builtins.dict", "inner": inner}})

    with pytest.raises(SystemExit):
        job()
    assert capsys.readouterr().err == "error: loss.beta must be 0 or more\n"


def test_omegaconfs_messages_are_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    @in_one_line
    def job() -> None:
        _ = OmegaConf.create({"data": {"root": "???"}}).data.root

    with pytest.raises(SystemExit):
        job()
    assert capsys.readouterr().err == "error: Missing mandatory value: data.root\n"


def test_our_own_bugs_keep_their_traceback() -> None:
    with pytest.raises(KeyError, match="a bug of ours"):
        _failing(KeyError("a bug of ours"))()

    @in_one_line
    def job() -> None:
        instantiate({"_target_": f"{__name__}.break_down"})

    with pytest.raises(InstantiationException) as failure:
        job()
    assert isinstance(cause_of(failure.value), KeyError)


def test_tracebacks_are_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match=r"data.x"):
        _failing(ValueError("data.x"))()


def test_a_sweep_hears_of_the_failed_job_itself() -> None:
    overrides = ["hydra.runtime.output_dir=.", "hydra.mode=MULTIRUN"]
    with hydra_job(compose_train(overrides, with_hydra=True)):
        assert in_sweep()
        with pytest.raises(ValueError, match=r"data.x"):
            _failing(ValueError("data.x"))()
    assert not HydraConfig.initialized()
    assert not in_sweep()


def test_what_a_job_returns_is_passed_on() -> None:
    assert in_one_line(lambda config: config * 2)(21) == 42


def test_lines_are_joined() -> None:
    assert first_line(ValueError("one\n  two\n    full_key: a.b\n    object_type=dict\n")) == "one two"


class _Broken(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        raise ValueError(f"{index}.jpg: not a usable image; replace it")

    def __len__(self) -> int:
        return 1


def test_what_a_process_that_loads_data_raises_is_told_without_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @in_one_line
    def job() -> None:
        next(iter(DataLoader(_Broken(), num_workers=1)))

    with pytest.raises(SystemExit):
        job()
    assert capsys.readouterr().err == "error: 0.jpg: not a usable image; replace it\n"
