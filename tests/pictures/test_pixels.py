import torch
from matplotlib.figure import Figure

from pictures.pixels import from_figure, from_picture, to_picture


def test_a_picture_holds_the_same_pixels() -> None:
    image_3HW = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    assert to_picture(image_3HW).size == (5, 4)
    assert torch.equal(from_picture(to_picture(image_3HW)), image_3HW)
    assert torch.equal(from_picture(to_picture(image_3HW / 255)), image_3HW)


def test_what_lies_outside_is_clipped() -> None:
    picture = to_picture(torch.tensor([-1.0, 0.5, 7.0]).view(3, 1, 1))
    assert picture.getpixel((0, 0)) == (0, 128, 255)


def test_a_figure_is_drawn_in_its_size_and_colours() -> None:
    figure = Figure(figsize=(2, 1), dpi=50, facecolor=(1, 0, 0))
    image_3HW = from_figure(figure)
    assert image_3HW.shape == (3, 50, 100)
    assert image_3HW[:, 0, 0].tolist() == [255, 0, 0]
