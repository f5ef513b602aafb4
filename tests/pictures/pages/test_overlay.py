"""Attention over the image: what glows, where, and by how much."""

import torch

from pictures.pages.overlay import SIDE, overlay, overlays, relative_heat


def test_an_even_look_is_cold_and_the_highest_weight_of_a_caption_hot() -> None:
    even_HW = torch.full((2, 2), 0.25)
    sharp_HW, blunt_HW = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.5, 0.25], [0.25, 0.0]])
    heat_LHW = relative_heat(torch.stack([even_HW, sharp_HW, blunt_HW]))
    assert heat_LHW[0].tolist() == [[0, 0], [0, 0]]
    assert heat_LHW[1].tolist() == [[1, 0], [0, 0]]
    torch.testing.assert_close(heat_LHW[2], torch.tensor([[1 / 3, 0.0], [0.0, 0.0]]))


def test_what_is_nearly_even_is_not_blown_up() -> None:
    nearly_HW = torch.tensor([[0.26, 0.24], [0.25, 0.25]])
    assert relative_heat(nearly_HW[None]).max() < 0.05
    assert relative_heat(torch.ones(3, 1, 1)).tolist() == [[[0]]] * 3  # one place for the whole image


def test_the_heat_glows_where_it_is_and_leaves_the_rest_grey() -> None:
    image_3HW = torch.zeros(3, 20, 20, dtype=torch.uint8)
    image_3HW[0] = 200  # red
    heat_HW = torch.zeros(4, 4)
    heat_HW[0, 3] = 1.0  # top right
    picture_3HW = overlay(image_3HW, heat_HW)
    assert picture_3HW.shape == (3, SIDE, SIDE)
    assert picture_3HW.dtype == torch.uint8
    top_right, bottom_left = picture_3HW[:, SIDE // 8, -SIDE // 8].int(), picture_3HW[:, -SIDE // 8, SIDE // 8].int()
    assert bottom_left.unique().tolist() == [round(200 * 0.299)]
    assert top_right.sum() > bottom_left.sum() + 100


def test_a_picture_for_each_word() -> None:
    image_3HW = torch.randint(256, (3, 30, 30), dtype=torch.uint8)
    pictures = overlays(image_3HW, [torch.rand(3, 3).div(4), torch.full((3, 3), 1 / 9)])
    assert [picture.shape for picture in pictures] == [(3, SIDE, SIDE)] * 2
    assert not torch.equal(*pictures)
