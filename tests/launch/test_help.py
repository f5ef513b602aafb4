import subprocess
import sys

import pytest

from launch.help import asks_for_help
from tests.tiny_run import ROOT


def _printed(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / f"{script}.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(("script", "settings"), [("train", ["model/decoder=lstm", "seed=7"]), ("evaluate", [])])
def test_help_is_what_hydra_prints(script: str, settings: list[str]) -> None:
    quick = _printed(script, *settings, "--help").stdout
    assert "model/combiner: add, attention, film, gated, mult" in quick
    by_hydra = _printed(script, *settings, "--help", "--config-dir", str(ROOT / "conf")).stdout
    assert quick.split() == by_hydra.split()


@pytest.mark.parametrize("arguments", [["--help", "model=timmm"], ["model=timmm"], ["-m", "seed=1,2", "model=timmm"]])
def test_a_mistake_is_one_line(arguments: list[str]) -> None:
    failed = _printed("train", *arguments)
    assert failed.returncode == 1
    assert failed.stderr == "error: model=timmm: there is no such setting; did you mean model=timm?\n"


def test_what_hydra_has_to_look_for_elsewhere_is_left_to_it() -> None:
    assert asks_for_help(["--help"])
    assert asks_for_help(["model=timm", "-h"])
    for arguments in (["model=timm"], ["--help", "--config-dir", "mine"], ["-h", "hydra.searchpath=[file://mine]"]):
        assert not asks_for_help(arguments)
