import copy
from functools import partial
from typing import Any

import pytest
import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.exploration import busiest_dimensions, traverse
from lightning_modules.generation import Greedy
from lightning_modules.networks.latents import CategoricalStyleLatents, ConditionalFlowLatents, ConditionalLatents

LEARNED_PRIORS: dict[str, partial[Any]] = {
    "gaussian": partial(ConditionalLatents),
    "mixture": partial(ConditionalLatents, num_components=3),
    "categorical": partial(CategoricalStyleLatents),
    "flow": partial(ConditionalFlowLatents),
}


def test_the_busiest_dimensions_come_first() -> None:
    assert busiest_dimensions(torch.tensor([0.1, 2.0, 0.5]), 2) == [1, 2]
    assert busiest_dimensions(torch.tensor([0.1]), 2) == [0]


def test_one_dimension_is_set_and_the_others_stay(captioner: VariationalCaptioner, features_BPD: torch.Tensor) -> None:
    style = captioner.sample_latents(features_BPD).style
    own_BS, prior = style.sample, style.prior.as_gaussian()
    of_2, of_0 = traverse(captioner, features_BPD, dimensions=[2, 0], values=[-3.0, 1.0, 5.0], max_length=9)
    assert [len(captions) for captions in of_2.captions] == [3, 3]
    changed_1S = own_BS[1:].clone()
    changed_1S[0, 0] = prior.mean[1, 0] + 5.0 * (0.5 * prior.log_variance[1, 0]).exp()
    generated = captioner.generate(features_BPD[1:], Greedy(max_length=9), style_NS=changed_1S)
    assert of_0.captions[1][2] == generated.captions[0][0]
    assert of_0.latents is not None
    assert torch.equal(of_0.latents.style.sample[:, 1:], own_BS[:, 1:].repeat_interleave(3, dim=0))


@pytest.mark.parametrize("prior", LEARNED_PRIORS)
def test_a_learned_prior_gives_the_unit(
    prior: str, captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    captioner = copy.deepcopy(captioner)
    captioner.network.latents = LEARNED_PRIORS[prior](
        width=features_BPD.shape[2],
        positions=features_BPD.shape[1],
        embedding_dim=12,
        style_dim=3,
        content_dim=5,
    )
    (generated,) = traverse(captioner, features_BPD, dimensions=[2], values=[-2.0, 0.0, 2.0], max_length=9)
    assert generated.latents is not None
    gaussian = captioner.sample_latents(features_BPD).style.prior.as_gaussian()
    for row in range(2):
        mean, deviation = gaussian.mean[row, 2].item(), (0.5 * gaussian.log_variance[row, 2]).exp().item()
        values = generated.latents.style.sample[3 * row : 3 * row + 3, 2].tolist()
        assert values == pytest.approx([mean - 2 * deviation, mean, mean + 2 * deviation])
