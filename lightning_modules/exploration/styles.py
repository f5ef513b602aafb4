"""Captions of an image in its own style, and in others that are as likely.

Shape legend: B images, P positions, D features.
"""

from torch import Tensor

from lightning_modules.base import CaptioningModule
from lightning_modules.generation import Greedy, Latent
from utils.seeding import Generators


def generate_in_styles(
    captioner: CaptioningModule, features_BPD: Tensor, generators: Generators, *, num: int, max_length: int
) -> list[list[str]]:
    """Return for each image the greedy caption of its mean style, then those of `num` styles from q(S|I).

    A posterior that reads captions knows none here, and is its prior p(S|I). The sampled ones are what
    `generation=latent` generates with the same generators.

    Args:
        captioner: A model with latents.
        features_BPD: See `CaptioningModule.encode`.
        generators: One for each image, from which the styles are drawn.
        num: Styles an image.
        max_length: Most tokens of a caption.
    """
    own = captioner.generate(features_BPD, Greedy(max_length=max_length)).captions
    others = captioner.generate(features_BPD, Latent(num=num, max_length=max_length), generators=generators).captions
    return [[*first, *more] for first, more in zip(own, others, strict=True)]
