import pytest
import torch

from lightning_modules.generation import interpolate_styles, traverse_style
from lightning_modules.networks.latents import DiagonalGaussian


def test_interpolation_is_a_straight_line_with_both_ends_image_by_image() -> None:
    start_BS, end_BS = torch.tensor([[0.0, 4.0], [1.0, 1.0]]), torch.tensor([[2.0, 0.0], [1.0, -1.0]])
    assert interpolate_styles(start_BS, end_BS, 3).tolist() == [[0, 4], [1, 2], [2, 0], [1, 1], [1, 0], [1, -1]]


def test_traversal_changes_one_dimension_alone() -> None:
    style_BS = torch.tensor([[0.5, 4.0], [1.0, 1.0]])
    assert traverse_style(style_BS, 1, [-3.0, 3.0]).tolist() == [[0.5, -3], [0.5, 3], [1, -3], [1, 3]]
    assert style_BS.tolist() == [[0.5, 4.0], [1.0, 1.0]]


def test_values_are_in_standard_deviations_of_the_prior() -> None:
    style_BS = torch.tensor([[0.5, 4.0], [1.0, 1.0]])
    prior = DiagonalGaussian(torch.tensor([[9.0, 2.0], [9.0, -1.0]]), 2 * torch.tensor([[7.0, 0.5], [7.0, 3.0]]).log())
    assert traverse_style(style_BS, 1, [-2.0, 0.0, 2.0], prior=prior)[:, 1].tolist() == pytest.approx(
        [1, 2, 3, -7, -1, 5]
    )
    standard = DiagonalGaussian(torch.zeros(2, 2), torch.zeros(2, 2))
    assert torch.equal(traverse_style(style_BS, 0, [-3.0, 0.3], prior=standard), traverse_style(style_BS, 0, [-3, 0.3]))


def test_refuses_what_makes_no_sense() -> None:
    style_BS = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="num must be at least 2, the ends of the interpolation, got 1"):
        interpolate_styles(style_BS, style_BS, 1)
    with pytest.raises(ValueError, match=r"expected as many styles at both ends, got \[2, 3\] and \[1, 3\]"):
        interpolate_styles(style_BS, style_BS[:1], 3)
    for dimension in (-1, 3):
        with pytest.raises(ValueError, match=rf"dimension must be from 0 to 2, .*, got {dimension}"):
            traverse_style(style_BS, dimension, [0.0])
    with pytest.raises(ValueError, match="expected values for the dimension to take, got none"):
        traverse_style(style_BS, 0, [])
