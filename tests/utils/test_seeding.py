"""An image's random numbers are its own; without generators they are PyTorch's, as they always were."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian
from utils.seeding import generators_of, random_rows

DRAWS = pytest.mark.parametrize("draw", [torch.randn, torch.rand], ids=["normal", "uniform"])


@DRAWS
def test_the_rows_of_an_image_are_what_its_generator_alone_would_draw(draw: Callable[..., Tensor]) -> None:
    drawn = random_rows(draw, torch.empty(6, 5), generators_of([3, 1, 2]))
    for row, seed in zip((0, 2, 4), (3, 1, 2), strict=True):
        alone = draw((2, 5), generator=torch.Generator().manual_seed(seed))
        assert torch.equal(drawn[row : row + 2], alone)


def test_neither_the_others_nor_their_order_matter() -> None:
    three, swapped, one = (
        random_rows(torch.randn, torch.empty(2 * len(seeds), 4), generators_of(seeds)).view(len(seeds), 2, 4)
        for seeds in ([7, 8, 9], [9, 8, 7], [8])
    )
    assert torch.equal(three, swapped.flip(0))
    assert torch.equal(three[1:2], one)
    same = random_rows(torch.randn, torch.empty(2, 4), generators_of([5, 5]))
    assert torch.equal(same[0], same[1])


def test_a_generator_goes_on_where_it_stopped() -> None:
    generators, alone = generators_of([3, 4]), torch.Generator().manual_seed(4)
    like = torch.empty(2, 20)  # above 15 numbers PyTorch fills by another routine than below
    first, second = random_rows(torch.randn, like, generators), random_rows(torch.rand, like, generators)
    assert torch.equal(first[1], torch.randn(20, generator=alone))
    assert torch.equal(second[1], torch.rand(20, generator=alone))


def test_without_generators_a_seeded_run_draws_what_it_always_drew() -> None:
    like = torch.empty(6, 5)
    for draw, reference in ((torch.randn, torch.randn_like), (torch.rand, torch.rand_like)):
        torch.manual_seed(11)
        ours, state = random_rows(draw, like, None), torch.get_rng_state()
        torch.manual_seed(11)
        assert torch.equal(ours, reference(like))
        assert torch.equal(state, torch.get_rng_state())


def test_generators_leave_pytorchs_own_alone() -> None:
    before = torch.get_rng_state()
    random_rows(torch.randn, torch.empty(2, 3), generators_of([0, 1]))
    assert torch.equal(before, torch.get_rng_state())


@DRAWS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 3, 5)], ids=str)
@pytest.mark.parametrize("given", [True, False], ids=["generators", "pytorchs"])
def test_shape_and_type_are_the_examples(
    draw: Callable[..., Tensor], dtype: torch.dtype, shape: tuple[int, ...], given: bool
) -> None:
    drawn = random_rows(draw, torch.empty(shape, dtype=dtype), generators_of([0, 1]) if given else None)
    assert (drawn.shape, drawn.dtype, drawn.device.type) == (shape, dtype, "cpu")


def test_rows_that_are_not_equally_many_of_each_image_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="5 rows of 2 images"):
        random_rows(torch.randn, torch.empty(5, 3), generators_of([0, 1]))


def test_a_gaussian_scales_and_shifts_an_images_own_numbers() -> None:
    gaussian = DiagonalGaussian.from_parameters(torch.randn(4, 6))
    sample = gaussian.sample(0.5, generators_of([5, 6]))
    noise = torch.cat([torch.randn(2, 3, generator=generator) for generator in generators_of([5, 6])])
    torch.testing.assert_close(sample, gaussian.mean + 0.5 * (0.5 * gaussian.log_variance).exp() * noise)
