from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.checkpoints.warm_start import warm_start
from lightning_modules.losses import BagOfWords, LossTerm, NetworkWidths
from tests.tiny_run import build_tiny, run_tiny, scalars

CHOICES = ["model/loss/terms=bag_of_words"]
TARGETS_NL = torch.tensor([[3, 1, 3], [4, 0, 0]])


def _output(style_NS: torch.Tensor, content_NC: torch.Tensor, targets_NL: torch.Tensor = TARGETS_NL) -> Any:
    codes = SimpleNamespace(style=SimpleNamespace(sample=style_NS), content=SimpleNamespace(sample=content_NC))
    return SimpleNamespace(latents=codes, targets_NL=targets_NL, num_words_N=torch.tensor([3, 1]))


def test_it_is_the_cross_entropy_of_the_words_from_the_codes() -> None:
    term, style_NS, content_NC = BagOfWords(widths=NetworkWidths(2, 3, 5)), torch.randn(2, 2), torch.randn(2, 3)
    logits_NV = term.words(term.hidden(torch.cat([style_NS, content_NC], dim=1)).tanh())
    word = torch.nn.functional.cross_entropy
    expected = [
        sum(word(logits_NV[row], torch.tensor(token)) for token in tokens)
        for row, tokens in enumerate([[3, 1, 3], [4]])
    ]
    found_N = term(_output(style_NS, content_NC))
    torch.testing.assert_close(found_N, torch.stack([torch.as_tensor(nats) for nats in expected]))
    shuffled_N = term(_output(style_NS, content_NC, torch.tensor([[1, 3, 3], [4, 2, 2]])))
    torch.testing.assert_close(shuffled_N, found_N)  # neither the order nor the padding counts


def test_its_parameters_are_trained_saved_and_found_again(tmp_path: Path) -> None:
    settings = ["trainer.limit_train_batches=2", "test=false", "optimized_metric=null"]
    run = run_tiny(tmp_path / "run", *settings, choices=CHOICES)
    curves = scalars(run.events)
    assert {"train/nats/bag_of_words", "val/nats/bag_of_words", "weight/bag_of_words"} <= curves.keys()
    assert curves["train/contribution/bag_of_words"][0][1] == pytest.approx(
        0.1 * curves["train/nats/bag_of_words"][0][1]
    )
    trained = VariationalCaptioner.load_from_checkpoint(run.best, weights_only=True)
    term: Any = trained.loss.terms["bag_of_words"]
    assert isinstance(term, LossTerm)
    fresh, _ = build_tiny(tmp_path / "run", choices=CHOICES)
    assert not torch.equal(fresh.loss.state_dict()["terms.bag_of_words.words.weight"], term.words.weight)
    start = warm_start(fresh, run.best, skip="decoder_")
    assert "loss.terms.bag_of_words.words.weight" in start.kept
    assert torch.equal(fresh.loss.state_dict()["terms.bag_of_words.words.weight"], term.words.weight)
    without, _ = build_tiny(tmp_path / "run")
    assert warm_start(without, run.best, skip="decoder_").missing == []


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_all_of_them_get_gradients_at_every_step_and_the_codes_too(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=[*CHOICES, "model/latents=conditional"])
    captioner.training_step(next(iter(datamodule.train_dataloader())), 0).backward()
    assert [name for name, parameter in captioner.named_parameters() if parameter.grad is None] == []
    term, style_NS = BagOfWords(widths=NetworkWidths(2, 3, 5)), torch.randn(2, 2, requires_grad=True)
    term(_output(style_NS, torch.randn(2, 3))).sum().backward()
    assert style_NS.grad is not None
    assert style_NS.grad.abs().min() > 0
