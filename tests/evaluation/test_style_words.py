"""Words of the ends of a dimension, with captions that are known."""

from types import SimpleNamespace

import pytest
import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.style_words import PRIOR_WORDS, compare_ends, first_words
from lightning_modules import VariationalCaptioner
from metrics import WordOdds, dirichlet_prior, log_odds_ratios


def test_words_of_each_end_are_told_and_those_of_both_are_not(
    captioner: VariationalCaptioner, batches: list[EncodedBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_BS = captioner.sample_latents(batches[0].features_BPD).style.sample

    def generate(features_BPD: torch.Tensor, strategy: object, style_NS: torch.Tensor) -> SimpleNamespace:
        """Dimension 1 decides whether a dog is big; no other one does anything."""
        sizes = ["a Big dog." if style_S[1] > 2 else "a small dog" for style_S in style_NS]
        return SimpleNamespace(captions=[sizes[i : i + 2] for i in range(0, len(sizes), 2)])

    assert own_BS[:, 1].abs().max() < 2
    monkeypatch.setattr(captioner, "generate", generate)
    many = batches * 20
    settings = {"ends": (-3.0, 3.0), "max_length": 8, "num_words": 5}
    nothing, size = compare_ends(captioner, many, dimensions=[0, 1], **settings)
    assert (nothing.dimension, nothing.low, nothing.high) == (0, [], [])
    assert (size.dimension, size.ends, size.num_captions) == (1, (-3.0, 3.0), 120)
    assert [(word.word, word.first, word.second) for word in size.low] == [("small", 120, 0)]
    assert [(word.word, word.first, word.second) for word in size.high] == [("big", 120, 0)]
    everywhere = {"a": 480, "small": 360, "dog": 480, "big": 120}
    expected = log_odds_ratios(
        {"a": 120, "big": 120, "dog": 120},
        {"a": 120, "small": 120, "dog": 120},
        dirichlet_prior(everywhere, PRIOR_WORDS),
    )
    assert size.high[0] == expected[0]


def test_no_images_no_words(captioner: VariationalCaptioner, split: CaptionSplit) -> None:
    assert compare_ends(captioner, [], dimensions=[0], ends=(-1, 1), max_length=8, num_words=5) == []


def test_words_that_differ_by_chance_are_left_out() -> None:
    ratios = [WordOdds(word, 1.0, z_score, 1, 0) for word, z_score in (("a", 3.0), ("b", 2.0), ("c", 1.9), ("d", -4.0))]
    assert [ratio.word for ratio in first_words(ratios, 5)] == ["a", "b"]
    assert [ratio.word for ratio in first_words(ratios, 1)] == ["a"]
