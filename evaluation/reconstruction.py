"""How well images are reconstructed from the captions that were generated for them, and what reconstructions show."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, NumberedCaptions
from lightning_modules import CaptioningModule
from lightning_modules.losses.terms import to_unit_interval
from lightning_modules.results.generated import GeneratedCaptions
from metrics import FactComparison, ReconstructionFacts, ReconstructionQuality


def reconstruct_from_first(captioner: CaptioningModule, generated: Sequence[GeneratedCaptions]) -> Tensor | None:
    """Return images reconstructed from their first captions, in [0, 1]: `reconstruction_BCHW`; None if it cannot."""
    if not captioner.can_reconstruct:
        return None
    rows = [image.tokens_NL[0] for image in generated]
    tokens_BL = pad_sequence(rows, batch_first=True, padding_value=captioner.tokenizer.vocabulary.pad_id)
    return captioner.reconstruct(tokens_BL.to(captioner.device)).cpu()


class SplitReconstructionQuality(nn.Module):
    """PSNR and SSIM of the images that a model reconstructs from their first captions, batch by batch.

    Where the data set can tell what a picture shows, also whether they show what they should.

    Args:
        captioner: The model.
        datamodule: The data set.
        split: The images.

    Attributes:
        comparisons: What this process's reconstructions show, against their images; none where that cannot be told.
    """

    def __init__(self, captioner: CaptioningModule, datamodule: CaptionDataModule, split: CaptionSplit) -> None:
        super().__init__()
        self.captioner = captioner
        self.datamodule = datamodule
        self.split = split
        self.quality = ReconstructionQuality()
        self.facts = ReconstructionFacts()
        self.comparisons: list[FactComparison] = []

    def add(self, batch: EncodedBatch, generated: Sequence[NumberedCaptions]) -> None:
        """Reconstruct and compare a batch."""
        reconstruction_BCHW = reconstruct_from_first(self.captioner, [image.generated for image in generated])
        if reconstruction_BCHW is not None:
            originals_BCHW = to_unit_interval(batch.images_BCHW.cpu(), size=reconstruction_BCHW.shape[-1])
            self.quality.update(reconstruction_BCHW, originals_BCHW, torch.tensor(batch.numbers))
            self._read_back(reconstruction_BCHW, generated)

    def results(self) -> dict[str, float]:
        """Return the means by name, over the images of all processes; nothing where none are reconstructed."""
        if not self.captioner.can_reconstruct:
            return {}
        results = self.quality.compute()
        if self.datamodule.fact_attributes():
            results |= self.facts.compute()
        return {name: value.item() for name, value in results.items()}

    def _read_back(self, reconstruction_BCHW: Tensor, generated: Sequence[NumberedCaptions]) -> None:
        pictures = self.datamodule.read_back(reconstruction_BCHW)
        if pictures is not None:
            ids = [self.split.image_ids[image.number] for image in generated]
            self.facts.update(pictures, torch.tensor(ids), [image.generated.captions[0] for image in generated])
            self.comparisons += [picture.compare(image_id) for picture, image_id in zip(pictures, ids, strict=True)]
