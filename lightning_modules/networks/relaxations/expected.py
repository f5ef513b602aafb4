from torch import Tensor

from lightning_modules.networks.relaxations.relaxation import Relaxation


class ExpectedWords(Relaxation):
    """Every word at once, weighed by its probability: the image decoder reads expected embeddings."""

    def relax(self, logits_NLV: Tensor, step: int) -> Tensor:
        return logits_NLV.softmax(dim=-1)
