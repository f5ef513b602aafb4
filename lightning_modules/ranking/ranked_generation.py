"""Captions of images, generated and ranked: the one way of `evaluate.py`, `caption.py` and `CaptionPipeline`.

Shape legend: B images, P positions of the encoder's grid, D features of a position, S style, N styles, image by image.
"""

from collections.abc import Callable

from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from lightning_modules.base import CaptioningModule, Constraints, GeneratedBatch
from lightning_modules.generation import Strategy
from lightning_modules.ranking.ranker import Candidates, Ranker, best_first
from utils.seeding import generators_of_images, image_digests


def generate_ranked(
    captioner: CaptioningModule,
    images_BCHW: Tensor,
    features_BPD: Tensor,
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
        images_BCHW: The images, `uint8`.
        features_BPD: The same as the encoder sees them.
        strategy: How captions are generated.
        seed: Of all that is drawn.
        words: What every caption must contain (see `CaptioningModule.generate`).
        style_NS: Styles to generate them in (see `CaptioningModule.generate`).
        ranker: Brings each image's captions into its order, best first; None for the strategy's own order.
        keys: What the images are known by (see `Candidates`).

    Raises:
        ValueError: The captioner cannot do what is asked for.
    """
    generators = generators_of_images(seed, image_digests(images_BCHW))
    generated = captioner.generate(features_BPD, strategy, words=words, style_NS=style_NS, generators=generators)
    if ranker is None:
        return generated
    return best_first(generated, ranker(captioner, Candidates(images_BCHW, features_BPD, generated, keys, {})))
