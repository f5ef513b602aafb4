"""Keeps word distributions from becoming too sure.

Shape legend: N captions, W words of all captions, V vocabulary.
"""

from torch import Tensor, segment_reduce

from lightning_modules.losses.loss_term import LossTerm
from lightning_modules.networks import CaptionerOutput


class ConfidencePenalty(LossTerm):
    """The negative entropy of a caption's word distributions, −Σ_t H[p(w_t | w_<t, S, C)] (Pereyra et al. 2017)."""

    def forward(self, output: CaptionerOutput) -> Tensor:
        log_p_WV = output.logits_WV.float().log_softmax(dim=-1)
        negative_entropy_W = (log_p_WV.exp() * log_p_WV).sum(dim=-1)
        return segment_reduce(negative_entropy_W, "sum", lengths=output.num_words_N, unsafe=True)  # lengths fit
