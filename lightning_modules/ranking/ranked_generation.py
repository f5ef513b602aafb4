"""Captions of images, generated and ranked: the one way of `evaluate.py`, `caption.py` and `CaptionPipeline`.

Shape legend: B images, P positions of the encoder's grid, D features of a position, S style, N styles, image by image.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from lightning_modules.base import CaptioningModule, Constraints, GeneratedBatch
from lightning_modules.generation import Strategy
from lightning_modules.ranking.ranker import Candidates, Ranker, best_first
from utils.seeding import generators_of_images


class EncodedImages(NamedTuple):
    """Images, encoded once for all that is generated for them.

    Attributes:
        images_BCHW: `uint8`.
        features_BPD: As the encoder sees them.
    """

    images_BCHW: Tensor
    features_BPD: Tensor


def generate_ranked(
    captioner: CaptioningModule,
    images: EncodedImages,
    strategy: Strategy,
    *,
    seed: int,
    words: Constraints = None,
    style_NS: Tensor | None = None,
    ranker: Ranker | None = None,
    keys: Callable[[], ImageKeys] | None = None,
) -> GeneratedBatch:
    """Generate captions of images; those of an image depend on its pixels, the seed and the settings alone.

    Args:
        captioner: The captioner.
        images: The images.
        strategy: How captions are generated.
        seed: Of all that is drawn.
        words: What every caption must contain (see `CaptioningModule.generate`).
        style_NS: Styles to generate them in (see `CaptioningModule.generate`).
        ranker: Brings each image's captions into its order, best first; None for the strategy's own order.
        keys: What the images are known by (see `Candidates`).

    Raises:
        ValueError: The captioner cannot do what is asked for.
    """
    generators = generators_of_images(seed, images.images_BCHW)
    generated = captioner.generate(images.features_BPD, strategy, words=words, style_NS=style_NS, generators=generators)
    if ranker is None:
        return generated
    return best_first(generated, ranker(captioner, Candidates(*images, generated, keys)))
