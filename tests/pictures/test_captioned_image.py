import torch
from PIL import ImageColor
from torch import Tensor

from pictures.captioned_image import (
    CHANGED,
    IMAGE_SIDE,
    LINE,
    MARGIN,
    WIDTH,
    CaptionRow,
    Section,
    draw_captioned_image,
    human_captions,
)
from pictures.changed_words import marked_words

BLUE_3HW = torch.tensor([0, 0, 255], dtype=torch.uint8).view(3, 1, 1).expand(3, 8, 8)


def _section(*captions: str) -> Section:
    return Section("title", [CaptionRow("label", marked_words(caption, captions[0])) for caption in captions])


def _is_color(picture_3HW: Tensor, color: str) -> Tensor:
    return (picture_3HW == torch.tensor(ImageColor.getrgb(color)).view(3, 1, 1)).all(dim=0)


def test_the_image_is_in_its_corner_and_all_sections_have_room() -> None:
    beside, below = human_captions(3, ["a dog"]), [_section("a dog"), _section("a dog", "a dog")]
    picture_3HW = draw_captioned_image(BLUE_3HW, beside, below)
    lines = 2 + 3  # titles and captions below the image
    assert picture_3HW.shape == (3, MARGIN + IMAGE_SIDE + 2 * MARGIN + lines * LINE + MARGIN, WIDTH)
    is_blue_HW = _is_color(picture_3HW, "#0000ff")
    assert is_blue_HW.sum() == IMAGE_SIDE**2
    assert is_blue_HW[MARGIN : MARGIN + IMAGE_SIDE, MARGIN : MARGIN + IMAGE_SIDE].all()


def test_words_that_changed_are_coloured() -> None:
    none = human_captions(3, [])
    same_3HW, other_3HW = (
        draw_captioned_image(BLUE_3HW, none, [_section("a red dog", caption)]) for caption in ("a red dog", "a tan dog")
    )
    assert not _is_color(same_3HW, CHANGED).any()
    rows_H = _is_color(other_3HW, CHANGED).any(dim=1).nonzero()
    assert rows_H.min() > same_3HW.shape[1] - MARGIN - LINE  # in the last caption alone


def test_a_long_caption_goes_on_in_the_next_line_within_the_margin() -> None:
    none = human_captions(3, [])
    once_3HW, thrice_3HW = (draw_captioned_image(BLUE_3HW, none, [_section("word " * count)]) for count in (5, 25))
    assert thrice_3HW.shape[1] == once_3HW.shape[1] + 2 * LINE
    assert (thrice_3HW[:, :, WIDTH - MARGIN :] == 255).all()


def test_the_first_human_captions_are_shown() -> None:
    section = human_captions(7, [f"caption {number}" for number in range(9)])
    assert section.title.startswith("image 7")
    assert [row.words[1].text for row in section.rows] == ["0", "1", "2", "3", "4"]
