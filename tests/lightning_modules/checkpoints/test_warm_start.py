from pathlib import Path

import pytest
import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.checkpoints.warm_start import warm_start
from tests.tiny_run import TinyRun, build_tiny


def _fresh(folder: Path, *settings: str, choices: tuple[str, ...] = ()) -> VariationalCaptioner:
    torch.manual_seed(99)
    return build_tiny(folder / "run", *settings, choices=choices)[0]


def test_takes_all_but_the_decoders(trained: TinyRun, tmp_path: Path) -> None:
    captioner = _fresh(tmp_path)
    before = {name: tensor.clone() for name, tensor in captioner.state_dict().items()}
    theirs = torch.load(trained.best, weights_only=True)["state_dict"]
    start = warm_start(captioner, trained.best, skip="decoder_")
    assert start.skipped == [name for name in before if "decoder_" in name] != []
    assert sorted(start.kept + start.skipped) == sorted(before)
    assert start.missing == []
    after = captioner.state_dict()
    assert all(torch.equal(after[name], theirs[name]) for name in start.kept)
    assert all(torch.equal(after[name], before[name]) for name in start.skipped)


def test_takes_everything_where_nothing_is_to_be_skipped(trained: TinyRun, tmp_path: Path) -> None:
    captioner = _fresh(tmp_path)
    theirs = torch.load(trained.best, weights_only=True)["state_dict"]
    assert warm_start(captioner, trained.best, skip=None).skipped == []
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in captioner.state_dict().items())


def test_names_what_the_checkpoint_lacks(trained: TinyRun, tmp_path: Path) -> None:
    captioner = _fresh(tmp_path, choices=("model/combiner=gated",))
    start = warm_start(captioner, trained.best, skip=None)
    assert start.missing
    assert all(name.startswith("network.combiner.") for name in start.missing)


@pytest.mark.parametrize(
    ("settings", "skip", "message"),
    [
        ([], "nonsense", "pretrained_skip=nonsense: no weight of .* has it in its name"),
        (["model.middle.hidden_size=24"], None, r"weights have other shapes, such as network.middle"),
        (["tokenizer.max_length=7"], None, "its tokenizer is another than this run's"),
    ],
)
def test_refuses_what_does_not_fit(
    trained: TinyRun, tmp_path: Path, settings: list[str], skip: str | None, message: str
) -> None:
    captioner = _fresh(tmp_path, *settings)
    before = {name: tensor.clone() for name, tensor in captioner.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        warm_start(captioner, trained.best, skip=skip)
    assert all(torch.equal(tensor, before[name]) for name, tensor in captioner.state_dict().items())
