"""Own pictures in several styles."""

from pathlib import Path

import pytest
import torch

from captioning.explain.traversal import VALUES, dimensions_of_captions, traverse_styles
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy, traverse_style
from tests.tiny_run import build_tiny


@pytest.fixture(scope="module", params=["gaussian", "conditional"])
def captioner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp("runs") / "run"
    captioner, _ = build_tiny(folder, choices=[f"model/latents={request.param}"])
    with torch.no_grad():  # dimension 1 is far from its prior
        captioner.network.latents.style_posterior.bias[1] += 9
    return captioner.eval()


def test_the_dimensions_of_the_highest_kl_are_traversed_by_the_prior(captioner: VariationalCaptioner) -> None:
    image_3HW = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    features_1PD = captioner.encode(image_3HW[None])
    captions = captioner.generate(features_1PD, Greedy(max_length=8)).captions[0]
    dimensions = dimensions_of_captions(captioner, features_1PD, captions)
    assert dimensions[0] == 1
    kl_S = captioner.latents_of_captions(features_1PD, [captions]).style.kl_of_dimensions.mean(dim=0)
    assert dimensions == kl_S.argsort(descending=True)[:2].tolist()

    torch.manual_seed(1)
    styles = traverse_styles(captioner, image_3HW, captions)
    assert torch.equal(torch.rand(1), _first_number(1))  # nothing was drawn
    assert styles.own.caption == captions[0]
    assert [traversal.dimension for traversal in styles.traversals] == dimensions
    own = captioner.sample_latents(features_1PD).style
    for traversal in styles.traversals:
        style_KS = traverse_style(own.sample, traversal.dimension, VALUES, prior=own.prior.as_gaussian())
        expected = captioner.generate(features_1PD, Greedy(max_length=8), style_NS=style_KS).captions[0]
        assert [styled.explained.caption for styled in traversal.captions] == expected
        assert [styled.value for styled in traversal.captions] == [*VALUES]
        for styled in traversal.captions:
            same = [word.text for word in styled.explained.words] == [word.text for word in styles.own.words]
            assert not (same and styled.changed)


def _first_number(seed: int) -> torch.Tensor:
    return torch.rand(1, generator=torch.Generator().manual_seed(seed))
