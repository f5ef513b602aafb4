"""How well images are redrawn from the captions that were said of them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from evaluation.generate_split import EncodedBatch, SaidImage
from lightning_modules import VariationalCaptioner
from lightning_modules.losses.terms import to_unit_interval
from metrics import ReconstructionQuality


def redrawn_first(captioner: VariationalCaptioner, said: Sequence[SaidImage]) -> Tensor | None:
    """Return images redrawn from their first captions, in [0, 1]: `redrawn_BCHW`; None if the model redraws none."""
    if not captioner.draws:
        return None
    rows = [image.tokens_NL[0] for image in said]
    tokens_BL = pad_sequence(rows, batch_first=True, padding_value=captioner.tokenizer.vocabulary.pad_id)
    return captioner.redraw(tokens_BL.to(captioner.device)).cpu()


class RedrawingQuality:
    """PSNR and SSIM of the images that a model redraws from their first captions, batch by batch.

    Args:
        captioner: The model.
    """

    def __init__(self, captioner: VariationalCaptioner) -> None:
        self.captioner = captioner
        self.quality = ReconstructionQuality()

    def add(self, batch: EncodedBatch, said: Sequence[SaidImage]) -> None:
        """Redraw and compare a batch."""
        redrawn_BCHW = redrawn_first(self.captioner, said)
        if redrawn_BCHW is not None:
            originals_BCHW = to_unit_interval(batch.images_BCHW.cpu(), size=redrawn_BCHW.shape[-1])
            self.quality.update(redrawn_BCHW, originals_BCHW, torch.tensor(batch.numbers))

    def results(self) -> dict[str, float]:
        """Return the means by name; nothing where the model redraws no images."""
        if not self.captioner.draws:
            return {}
        return {name: value.item() for name, value in self.quality.compute().items()}
