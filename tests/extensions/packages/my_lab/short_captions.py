from torch import Tensor

from lightning_modules.losses import LossTerm
from lightning_modules.networks import CaptionerOutput


class ShortCaptions(LossTerm):
    """−log P(a caption ends after its words) in nats: the end counts once more."""

    def forward(self, output: CaptionerOutput) -> Tensor:
        last_N = output.num_words_N.cumsum(dim=0) - 1
        log_p_NV = output.logits_WV[last_N].float().log_softmax(dim=-1)
        end_N = output.targets_NL.gather(1, output.num_words_N[:, None] - 1)
        return -log_p_NV.gather(1, end_N).squeeze(1)
