"""The caption first from which the image is reconstructed best.

Shape legend: B images, N captions, image by image, C channels, H rows, W columns.
"""

from torch import Tensor

from lightning_modules.base import CaptioningModule
from lightning_modules.losses import reconstruction_nll
from lightning_modules.losses.terms import to_unit_interval
from lightning_modules.ranking.ranker import Candidates, Ranker


class Reconstruction(Ranker):
    """log p(I | caption) in nats: the reconstruction term of the VAE-loss, of the words alone."""

    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        if not captioner.can_reconstruct:
            raise ValueError(
                "ranking=reconstruction needs a model that reconstructs images, this one has model/image_decoder=none; "
                "choose ranking=likelihood or consensus"
            )
        reconstruction_NCHW = captioner.reconstruct(candidates.generated.tokens_NL)
        originals_BCHW = to_unit_interval(candidates.images_BCHW, size=reconstruction_NCHW.shape[-1])
        each = len(reconstruction_NCHW) // len(originals_BCHW)
        return -reconstruction_nll(reconstruction_NCHW, originals_BCHW.repeat_interleave(each, dim=0))
