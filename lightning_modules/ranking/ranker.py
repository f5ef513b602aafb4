"""What every ranker offers, and the order that its scores give.

Shape legend: B images, N captions, image by image, equally many of each, K captions of an image.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule, GeneratedBatch
from lightning_modules.generation import rows_in_sets
from metrics.ngrams import Tokens


class Candidates(NamedTuple):
    """Captions to be ranked, with their images.

    Attributes:
        images_BCHW: `uint8`.
        features_BPD: The images as the encoder sees them.
        generated: The captions.
        keys: What the images are known by (see `image_keys`), [B, K], for a ranker that asks; None where no one knows.
        drawn: Where rankers keep captions that they draw of the images (see `drawn_captions`); None to keep none.
    """

    images_BCHW: Tensor
    features_BPD: Tensor
    generated: GeneratedBatch
    keys: Callable[[], ImageKeys] | None = None
    drawn: dict[tuple[int, float, int], list[list[Tokens]]] | None = None


class Ranker(ABC):
    """Scores the candidate captions of images.

    It is no dataclass, of which OmegaConf would make a config where it is a part of another, such as `Mix`.
    """

    def prepare(self, captioner: CaptioningModule, training: Callable[[], CaptionSplit] | None) -> None:
        """Get ready to rank the captions of a model; most have nothing to do.

        Args:
            captioner: The captioner.
            training: Loads the training images, for a ranker that learns from them; None where there are none at hand.

        Raises:
            ValueError: The ranker lacks something.
        """
        return

    @abstractmethod
    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        """Return a score of each caption, the higher the better: [N].

        Raises:
            ValueError: The captioner cannot be ranked like this.
        """


def best_first(generated: GeneratedBatch, score_N: Tensor) -> GeneratedBatch:
    """Return each image's captions by falling score, with it and a code of each; equal ones stay in their order."""
    num_images = len(generated.captions)
    score_BK = score_N.view(num_images, -1)
    order_BK = score_BK.argsort(dim=1, descending=True, stable=True)
    order_N = rows_in_sets(order_BK, score_BK.shape[1])
    captions = [
        [of_image[i] for i in order] for of_image, order in zip(generated.captions, order_BK.tolist(), strict=True)
    ]
    latents = generated.latents
    if latents is not None:
        captions_of_sample = len(score_N) // latents.num_samples
        latents = latents.select(order_N // captions_of_sample)
    return GeneratedBatch(
        captions,
        generated.tokens_NL[order_N],
        generated.log_probability_N[order_N],
        score_N[order_N],
        generated.finished_N[order_N],
        latents,
        generated.num_draws_B,
    )
