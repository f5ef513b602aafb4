"""How well images are reconstructed from the captions that were generated for them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from evaluation.generate_split import EncodedBatch, NumberedCaptions
from lightning_modules import CaptioningModule
from lightning_modules.losses.terms import to_unit_interval
from lightning_modules.results.generated import GeneratedCaptions
from metrics import ReconstructionQuality


def reconstruct_from_first(captioner: CaptioningModule, generated: Sequence[GeneratedCaptions]) -> Tensor | None:
    """Return images reconstructed from their first captions, in [0, 1]: `reconstruction_BCHW`; None if it cannot."""
    if not captioner.can_reconstruct:
        return None
    rows = [image.tokens_NL[0] for image in generated]
    tokens_BL = pad_sequence(rows, batch_first=True, padding_value=captioner.tokenizer.vocabulary.pad_id)
    return captioner.reconstruct(tokens_BL.to(captioner.device)).cpu()


class SplitReconstructionQuality(nn.Module):
    """PSNR and SSIM of the images that a model reconstructs from their first captions, batch by batch.

    Args:
        captioner: The model.
    """

    def __init__(self, captioner: CaptioningModule) -> None:
        super().__init__()
        self.captioner = captioner
        self.quality = ReconstructionQuality()

    def add(self, batch: EncodedBatch, generated: Sequence[NumberedCaptions]) -> None:
        """Reconstruct and compare a batch."""
        reconstruction_BCHW = reconstruct_from_first(self.captioner, [image.generated for image in generated])
        if reconstruction_BCHW is not None:
            originals_BCHW = to_unit_interval(batch.images_BCHW.cpu(), size=reconstruction_BCHW.shape[-1])
            self.quality.update(reconstruction_BCHW, originals_BCHW, torch.tensor(batch.numbers))

    def results(self) -> dict[str, float]:
        """Return the means by name, over the images of all processes; nothing where none are reconstructed."""
        if not self.captioner.can_reconstruct:
            return {}
        return {name: value.item() for name, value in self.quality.compute().items()}
