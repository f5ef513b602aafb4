from pathlib import Path

import pytest
import torch

from average import main
from lightning_modules import load_captioner
from tests.tiny_run import TinyRun


def test_the_command_writes_a_checkpoint_of_equal_weights_as_they_are(
    trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "average.ckpt"
    main([str(trained.best), str(trained.best), "--out", str(out)])
    assert capsys.readouterr().out == f"{out}: the mean of 2 checkpoints\n"
    states = [load_captioner(path).state_dict() for path in (out, trained.best)]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_mistakes_get_one_line(trained: TinyRun, tmp_path: Path) -> None:
    best, kept = str(trained.best), str(trained.folder / "checkpoints" / "last.ckpt")
    for arguments, message in (
        ([best, best, "--out", str(tmp_path)], f"error: --out {tmp_path}: expected the name of a file"),
        ([best, best, "--out", best], f"error: --out {best} is one of the checkpoints to average; change it"),
        ([best, best, "--out", kept], f"error: --out {kept}: a file of this name is there, and would be lost"),
        ([best], "error: expected at least two checkpoints to average, got 1"),
        ([best, "none.ckpt", "--out", str(tmp_path / "a")], "error: none.ckpt: there is no such file"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert str(ended.value.code).startswith(message)
    assert not (tmp_path / "a").exists()
