import pytest
import torch

from pictures.drawing_sheet import GAP, MARGIN, MOST_COLUMNS, LabelledImage, SheetRow, draw_sheet
from pictures.pixels import from_picture


def _row(title: str, num: int, size: int = 64) -> SheetRow:
    return SheetRow(title, [LabelledImage(torch.full((3, size, size), i / num), f"log P −{i}") for i in range(num)])


def test_images_are_enlarged_by_whole_pixels_side_by_side() -> None:
    sheet = draw_sheet([_row("a red star", 3)])
    side = 3 * 64
    assert sheet.width == 2 * MARGIN + 3 * side + 2 * GAP
    pixels_3HW = from_picture(sheet)
    for i in range(3):
        left = MARGIN + i * (side + GAP)
        of_image_3HW = pixels_3HW[:, :, left : left + side]
        rows = (of_image_3HW == round(255 * i / 3)).all(dim=2).all(dim=0)
        assert rows.sum() == side


def test_many_images_and_long_titles_take_further_lines() -> None:
    one, many = draw_sheet([_row("a star", 1)]), draw_sheet([_row("a star", MOST_COLUMNS + 1)])
    assert many.width == draw_sheet([_row("a star", MOST_COLUMNS)]).width
    assert many.height > 2 * one.height - MARGIN * 4
    longer = draw_sheet([_row("a star " * 20, 1)])
    assert (longer.width, longer.height > one.height + 60) == (one.width, True)
    two = draw_sheet([_row("a star", 1), _row("a circle", 1)])
    assert two.height == 2 * one.height - MARGIN


def test_nothing_to_show_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected images to show, got none"):
        draw_sheet([SheetRow("a star", [])])
