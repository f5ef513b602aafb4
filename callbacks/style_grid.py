"""Shows a few images in many styles."""

from collections.abc import Iterator, Sequence

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from callbacks.descriptions import add_picture, add_table
from callbacks.first_images import CaptionedImage, FirstImages
from lightning_modules import CaptioningModule
from lightning_modules.exploration import generate_in_styles
from pictures.captioned_image import CaptionRow, Section, draw_captioned_image, human_captions
from pictures.changed_words import MarkedWord, marked_words
from pictures.markdown import table, with_changed_bold
from utils.require import require
from utils.seeding import Generators

ABOUT = "A caption in the mean of q(S|I), then in samples of it; words that the first lacks are bold."


class StyleGrid(FirstImages):
    """Writes each image with its caption in its mean style and in styles from q(S|I), as a picture and as text.

    Styles are drawn from the image's own random numbers: at every validation the same, as far as q(S|I) is. Words that
    the caption in the mean style lacks are bold.

    Args:
        num_images: How many images, those of the lowest ids.
        num_styles: How many styles each is described in, beside the mean.

    Raises:
        ValueError: A number is below 1.
    """

    name = "style_grid"

    def __init__(self, num_images: int = 2, num_styles: int = 8) -> None:
        super().__init__(num_images)
        require(num_styles >= 1, "callbacks.style_grid.num_styles", "at least 1", num_styles)
        self.num_styles = num_styles

    def generate(self, captioner: CaptioningModule, features_BPD: Tensor, generators: Generators) -> list[list[str]]:
        max_length = captioner.strategy.max_length
        return generate_in_styles(captioner, features_BPD, generators, num=self.num_styles, max_length=max_length)

    def show(self, writer: SummaryWriter, step: int, images: Sequence[CaptionedImage], stage: str) -> None:
        add_table(writer, f"{stage}/styles", styles_as_table(images), step, ABOUT)
        for image in images:
            add_picture(writer, f"{stage}/styles/{image.image_id}", draw_styles(image), step, ABOUT)


def draw_styles(image: CaptionedImage) -> Tensor:
    """Draw an image with its captions, of which the first is that of the mean style: `uint8`, [3, H, W]."""
    different = len({*image.captions[1:]})
    title = f"{len(image.captions) - 1} styles from q(S|I): {different} different captions"
    section = Section(title, [CaptionRow(label, words) for label, words in _marked(image)])
    return draw_captioned_image(image.image_3HW, human_captions(image.image_id, image.references), [section])


def styles_as_table(images: Sequence[CaptionedImage]) -> str:
    """Return one row a style of each image."""
    rows = [
        (str(image.image_id), label, with_changed_bold(words)) for image in images for label, words in _marked(image)
    ]
    return table(("image", "style", "caption"), rows)


def _marked(image: CaptionedImage) -> Iterator[tuple[str, list[MarkedWord]]]:
    """Yield each caption with its label; the words are marked that the caption in the mean style lacks."""
    of_mean, *others = image.captions
    yield "mean", marked_words(of_mean, of_mean)
    for number, caption in enumerate(others, start=1):
        yield str(number), marked_words(caption, of_mean)
