"""Plots have their size, and show what differs."""

import pytest
import torch

from pictures.heat_map import draw_kl_heat_map
from pictures.principal_axes import principal_plane
from pictures.scatter import draw_scatter


@pytest.mark.parametrize(("dimensions", "validations"), [(1, 1), (16, 3), (800, 40)])
def test_a_heat_map_of_any_size_is_as_wide(dimensions: int, validations: int) -> None:
    kl_ZV = torch.rand(dimensions, validations)
    picture_3HW = draw_kl_heat_map(kl_ZV, [*range(validations)], "KL of style")
    assert picture_3HW.shape[2] == 720
    assert 440 <= picture_3HW.shape[1] <= 1080


def test_a_heat_map_is_dark_where_nothing_is_carried() -> None:
    columns = []
    for value in (0.0, 2.0):
        kl_ZV = torch.tensor([[value, 2.0]])
        picture_3HW = draw_kl_heat_map(kl_ZV, [10, 20], "KL")
        columns.append(picture_3HW[:, 220, 200].float().mean())  # within the first column
    assert columns[0] < 5
    assert columns[1] > 150


def test_a_scatter_shows_both_kinds_and_tells_the_first_images_apart() -> None:
    posterior_NZ, prior_NZ = torch.randn(20, 3), torch.randn(20, 3)
    plane = principal_plane(torch.cat([posterior_NZ, prior_NZ]))
    of_four, of_one = (
        draw_scatter(posterior_NZ, prior_NZ, image_ids, plane, "styles")
        for image_ids in ([9] * 5 + [2] * 5 + [3] * 5 + [4] * 5, [9] * 20)
    )
    assert of_four.shape == of_one.shape == (3, 780, 720)
    colors = {tuple(color) for color in of_four.flatten(1).T.unique(dim=0).tolist()}
    assert {(213, 94, 0), (0, 158, 115), (184, 96, 154), (42, 127, 201)} <= colors
    assert (0, 158, 115) not in {tuple(color) for color in of_one.flatten(1).T.unique(dim=0).tolist()}
