"""The exported parts and the runner generate what the model does: equal tokens, log-probabilities to 1e-4 nats."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from exporting.runner.model import Captions
from lightning_modules import GeneratedBatch
from lightning_modules.generation import Beam, Greedy, Sample, Strategy
from tests.exporting.variants import Exported, images
from utils.seeding import generators_of

MOST_NATS = 1e-4
MAX_LENGTH = 8  # of the tiny models


class TorchDraws:
    """The numbers that a generator of PyTorch draws, for the runner."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def normal(self, shape: Sequence[int]) -> Any:
        return torch.randn(tuple(shape), generator=self.generator).numpy()

    def uniform(self, shape: Sequence[int]) -> Any:
        return torch.rand(tuple(shape), generator=self.generator).numpy()


def _generate(exported: Exported, images_BCHW: Tensor, strategy: Strategy, seeds: Sequence[int] = ()) -> GeneratedBatch:
    captioner = exported.captioner
    return captioner.generate(captioner.encode(images_BCHW), strategy, generators=generators_of(seeds) or None)


def _assert_equal(ours: GeneratedBatch, theirs: Captions) -> None:
    np.testing.assert_array_equal(ours.tokens_NL.numpy(), theirs.tokens_NL)
    np.testing.assert_allclose(ours.log_probability_N.numpy(), theirs.log_probability_N, atol=MOST_NATS, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("num_images", [1, 5])
def test_greedy_captions_are_equal(exported: Exported, num_images: int) -> None:
    images_BCHW, runner = images(num_images), exported.runner
    ours = _generate(exported, images_BCHW, Greedy(max_length=MAX_LENGTH))
    theirs = runner.greedy(runner.encode(images_BCHW.numpy()))
    _assert_equal(ours, theirs)
    assert runner.texts(theirs, num_images) == ours.captions
    assert num_images == 1 or np.ptp(theirs.log_probability_N) > 10 * MOST_NATS  # it looks at the images


@pytest.mark.slow
@pytest.mark.parametrize(("num", "length_penalty", "max_length"), [(1, 0.6, 8), (5, 0.0, 8), (3, 2.0, 3)])
def test_captions_of_beams_are_equal(exported: Exported, num: int, length_penalty: float, max_length: int) -> None:
    images_BCHW, runner = images(), exported.runner
    settings: dict[str, Any] = {"num": num, "length_penalty": length_penalty, "max_length": max_length}
    ours = _generate(exported, images_BCHW, Beam(beam_size=5, **settings))
    theirs = runner.beam(runner.encode(images_BCHW.numpy()), beam_size=5, **settings)
    _assert_equal(ours, theirs)
    assert runner.texts(theirs, len(images_BCHW)) == ours.captions


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"latent_scale": 0.0}, {"latent_scale": 0.5, "temperature": 0.7, "top_k": 20}, {"top_p": 0.8}],
    ids=lambda settings: "-".join(settings) or "default",
)
def test_samples_of_the_same_random_numbers_are_equal(exported: Exported, settings: dict[str, Any]) -> None:
    images_BCHW, runner, seeds = images(3), exported.runner, (7, 8, 9)
    ours = _generate(exported, images_BCHW, Sample(num=4, max_length=MAX_LENGTH, **settings), seeds)
    draws = [TorchDraws(generator) for generator in generators_of(seeds)]
    theirs = runner.sample(runner.encode(images_BCHW.numpy()), draws, num=4, **settings)
    _assert_equal(ours, theirs)
    assert len({tuple(row) for row in theirs.tokens_NL.tolist()}) > 3


@pytest.mark.slow
def test_codes_are_equal_and_follow_the_noise(exported: Exported) -> None:
    runner, features_BPD = exported.runner, exported.captioner.encode(images(2))
    latents = exported.captioner.sample_latents(features_BPD)
    style, content, _ = runner.codes(features_BPD.numpy())
    np.testing.assert_allclose(style, latents.style.sample.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(content, latents.content.sample.detach().numpy(), atol=1e-5)
    draws = [TorchDraws(generator) for generator in generators_of((1, 2))]
    assert np.abs(runner.codes(features_BPD.numpy(), 1.0, draws)[1] - content).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 4, MAX_LENGTH])
def test_reconstructions_are_equal(reference: Exported, length: int) -> None:
    special = reference.captioner.tokenizer.vocabulary
    tokens_NL = torch.randint(4, special.size, (3, length))
    tokens_NL[0, 1:], tokens_NL[1, -1] = special.pad_id, special.eos_id
    ours_NCHW = reference.captioner.reconstruct(tokens_NL).detach().numpy()
    np.testing.assert_allclose(reference.runner.reconstruct(tokens_NL.numpy()), ours_NCHW, atol=1e-5)
