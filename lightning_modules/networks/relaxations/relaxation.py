from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot


class Relaxation(nn.Module, ABC):
    """What every relaxation offers.

    Args:
        teacher_forcing_ratio: Share of the captions, chosen at random in training, of which the image decoder reads the
            reference and not the predicted words. From those it learns to reconstruct images while the predicted words
            are still noise; the others train what predicts the words.

    Raises:
        ValueError: The share is not in [0, 1).
    """

    def __init__(self, *, teacher_forcing_ratio: float = 0.75) -> None:
        super().__init__()
        if not 0 <= teacher_forcing_ratio < 1:
            raise ValueError(
                f"model.relaxation.teacher_forcing_ratio must be at least 0 and below 1, got {teacher_forcing_ratio}; "
                f"with 1 the reconstructed image would teach the words nothing"
            )
        self.teacher_forcing_ratio = teacher_forcing_ratio

    @abstractmethod
    def relax(self, logits_NLV: Tensor, step: int) -> Tensor:
        """Return `weights_NLV` of the predicted words; `step` is the training step."""

    def forward(self, logits_NLV: Tensor, targets_NL: Tensor, step: int) -> Tensor:
        """Return `weights_NLV` of the words for the image decoder to read: predicted ones, or `targets_NL`."""
        predicted_NLV = self.relax(logits_NLV.float(), step)  # with fewer digits many words would tie
        if not self.training or self.teacher_forcing_ratio == 0:
            return predicted_NLV
        written_NLV = one_hot(targets_NL, logits_NLV.shape[-1]).to(predicted_NLV.dtype)
        as_written_N11 = torch.rand(len(targets_NL), 1, 1, device=targets_NL.device) < self.teacher_forcing_ratio
        return torch.where(as_written_N11, written_NLV, predicted_NLV)
