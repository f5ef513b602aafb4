"""Which of a caption's drawings comes first, by the model that drew them.

Shape legend: N captions, M drawings of each, R drawings in all, caption by caption, L tokens, P positions, D features.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_modules.base import CaptioningModule
from lightning_modules.generation import rows_in_sets
from lightning_modules.results.drawn import Drawn
from utils.seeding import generators_of_images


class DrawingRanker(ABC):
    """Scores the drawings of captions.

    Attributes:
        label: What a score is, in a few letters.
    """

    label: str

    @abstractmethod
    def __call__(self, captioner: CaptioningModule, captions: Sequence[str], drawn: Drawn) -> Tensor:
        """Return a score of each drawing, the higher the better: [R], on the CPU.

        Args:
            captioner: The model that drew them.
            captions: N captions.
            drawn: Equally many drawings of each, caption by caption.

        Raises:
            ValueError: The model's drawings cannot be ranked like this.
        """


class DrawingLikelihood(DrawingRanker):
    """log P(codes | caption) in nats: the likeliest drawing first, which is also the plainest."""

    label = "log P(drawing)"

    def __call__(self, captioner: CaptioningModule, captions: Sequence[str], drawn: Drawn) -> Tensor:
        return drawn.log_probability_R.cpu()


class CaptionOfDrawing(DrawingRanker):
    """log P(caption | codes) in nats: how likely the model holds the caption of its drawing (CogView, section 2.4)."""

    label = "log P(caption)"

    def __call__(self, captioner: CaptioningModule, captions: Sequence[str], drawn: Drawn) -> Tensor:
        if not captioner.has_likelihood:
            raise ValueError(
                f"drawing_ranking=caption: {type(captioner).__name__} does not tell how likely a given caption is "
                f"(log_likelihood); choose drawing_ranking=likelihood"
            )
        tokens_NL = captioner.tokenizer.tokens_after_prefix(captions).to(captioner.device)
        scores = []
        for tokens_L, codes_MP in zip(tokens_NL, drawn.codes_RP.unflatten(0, (len(captions), -1)), strict=True):
            features_MPD = captioner.features_of_codes(codes_MP.to(captioner.device))
            generators = generators_of_images(0, range(len(codes_MP)), "likelihood")
            scores.append(captioner.log_likelihood(features_MPD, tokens_L[None], 1, generators)[0].cpu())
        return torch.cat(scores)


def best_drawings_first(drawn: Drawn, score_R: Tensor, num_captions: int) -> tuple[Drawn, Tensor]:
    """Return each caption's drawings by falling score, and their scores; equal ones stay in their order."""
    score_NM = score_R.view(num_captions, -1)
    order_NM = score_NM.argsort(dim=1, descending=True, stable=True)
    order_R = rows_in_sets(order_NM, score_NM.shape[1])
    return drawn.select(order_R), score_R[order_R]
