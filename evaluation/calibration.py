"""Whether a model is as sure of words as it may be, on human captions.

Shape legend: N captions, L tokens, W words, D features, P positions, B images.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from lightning_modules import CaptioningModule
from lightning_modules.networks.latents import Latents
from metrics import ReliabilityTable, WordCalibration

Captions = Sequence[Sequence[str]]
"""Of each image."""

FROM_IMAGE = "calibration/ECE"
"""S and C are the means of what the image alone suggests: what captions are generated from."""

FROM_CAPTION = "calibration/ECE-posterior"
"""S and C are the means of the posterior, which has read the human caption."""


class SplitCalibration(nn.Module):
    """Predicts each word of the human captions of a split from those before it (teacher forcing), batch by batch.

    A prediction is the likeliest next word, its confidence that word's probability; it is right if the human wrote this
    word. The end of a caption is a word, and so is `<unk>`.

    Args:
        captioner: The model; nothing is measured where it cannot explain its captions.
        split: The captions.
        num_bins: Bins of confidence; 0 measures nothing.
    """

    def __init__(self, captioner: CaptioningModule, split: CaptionSplit, num_bins: int) -> None:
        super().__init__()
        self.captioner = captioner
        self.split = split
        names = [FROM_IMAGE, FROM_CAPTION] if captioner.latents_read_captions else [FROM_IMAGE]
        self.names = names if num_bins and captioner.can_explain else []
        self.tables = nn.ModuleList(WordCalibration(num_bins) for _ in self.names)

    def add(self, batch: EncodedBatch) -> None:
        """Predict the words of a batch's captions."""
        if not self.names:
            return
        captions = [self.split.captions[number] for number in batch.numbers]
        device = batch.features_BPD.device
        texts = [caption for of_image in captions for caption in of_image]
        tokens_NL = self.captioner.tokenizer.tokens_after_prefix(texts).to(device)
        image_of_caption_N = torch.arange(len(captions)).repeat_interleave(torch.tensor([*map(len, captions)]))
        features_NPD = batch.features_BPD[image_of_caption_N.to(device)]
        is_word_NL = tokens_NL != self.captioner.tokenizer.vocabulary.pad_id
        image_of_word_W = image_of_caption_N.repeat_interleave(is_word_NL.sum(dim=1).cpu())
        for name, table in self._named_tables():
            latents = self._latents(name, batch.features_BPD, captions)
            predictions = self.captioner.explain(features_NPD, tokens_NL, latents, attention=False).predictions
            confidence_NL = predictions.likeliest_log_probability_NL.exp().clamp(max=1)
            correct_NL = predictions.likeliest_NL == tokens_NL
            numbers_B = torch.tensor(batch.numbers)
            table.update(confidence_NL[is_word_NL], correct_NL[is_word_NL], numbers_B, image_of_word_W)

    def results(self) -> dict[str, ReliabilityTable]:
        """Return the table of each way to S by its score's name, over the words of all processes."""
        return {name: table.compute() for name, table in self._named_tables()}

    def _named_tables(self) -> Iterator[tuple[str, WordCalibration]]:
        for name, table in zip(self.names, self.tables, strict=True):
            assert isinstance(table, WordCalibration)
            yield name, table

    def _latents(self, name: str, features_BPD: Tensor, captions: Captions) -> Latents | None:
        if name == FROM_CAPTION:
            return self.captioner.latents_of_captions(features_BPD, captions, latent_scale=0)
        return None
