import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from facet.__main__ import COMMANDS, descriptions, main
from tests.tiny_run import ROOT
from utils.scripts import FACET

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
NOT_INSTALLED = ("*.py", "*.pyc")


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command change its environment and its arguments for the time of a test."""
    monkeypatch.setenv(FACET, "")
    monkeypatch.setattr(sys, "argv", ["facet"])


def test_every_script_is_a_command_that_is_described() -> None:
    assert sorted(COMMANDS) == sorted(SETTINGS["py-modules"])
    assert all(descriptions().values())


def test_help_needs_neither_torch_nor_hydra() -> None:
    code = "import facet.__main__, sys; facet.__main__.main(['--help']); print({'torch', 'hydra'} & {*sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"  {name} " in printed for name in COMMANDS)
    assert printed.splitlines()[-1] == "set()"


def test_an_unknown_command_is_told_what_it_may_mean() -> None:
    with pytest.raises(SystemExit, match="facet trian: there is no such command; did you mean train"):
        main(["trian"])


def test_a_script_runs_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"nowhere.jpg: there is no such file or folder"):
        main(["caption", "best.ckpt", "nowhere.jpg"])
    with pytest.raises(SystemExit):
        main(["write-shards", "--help", "out=1", "dat=2"])
    assert "dat" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main(["export", "--help"])
    assert capsys.readouterr().out.startswith("usage: facet export ")


def test_a_wheel_holds_every_file_of_the_packages() -> None:
    """By the patterns of pyproject.toml, those under `*` for every package."""
    patterns, packages = SETTINGS["package-data"], SETTINGS["packages"]["find"]["include"]
    for package in (name.rstrip("*") for name in packages):
        files = {file.relative_to(ROOT / package).as_posix() for file in (ROOT / package).rglob("*") if file.is_file()}
        known = ["*.py", "*.pyc", *patterns["*"], *patterns.get(package, [])]
        left_out = {name for name in files if not any(fnmatch(name, of.removeprefix("**/")) for of in known)}
        assert left_out == set(), package
