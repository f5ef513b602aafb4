from pathlib import Path

import pytest
import torch

from lightning_modules import VariationalCaptioner, load_captioner, load_tokenizer
from lightning_modules.checkpoints.warm_start import warm_start
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import TinyRun, build_tiny, run_tiny


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


def test_a_run_on_other_captions_begins_with_the_words_of_the_checkpoint(trained: TinyRun, tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    settings = [f"data.root={flickr8k.root}", f"pretrained_model={trained.best}", "pretrained_skip=null", "test=false"]
    choices = ["data=flickr8k", "tokenizer=checkpoint"]
    run = run_tiny(tmp_path / "run", *settings, "optimized_metric=null", choices=choices)
    words, theirs = (load_captioner(path).tokenizer.to_json() for path in (run.best, trained.best))
    assert words == theirs
    with pytest.raises(ValueError, match="have at most 8 tokens, and those of this run 9; set max_caption_length=8"):
        load_tokenizer([], path=trained.best, max_length=9)


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
        (["tokenizer.max_length=7"], None, "its tokenizer is another than this run's.* tokenizer=checkpoint"),
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
