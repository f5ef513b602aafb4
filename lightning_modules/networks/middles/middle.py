"""Shape legend: N captions, L tokens, I input width, V vocabulary."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Middle(nn.Module, ABC):
    """From the decoder's state to a distribution over words.

    Its constructor takes `in_dim` (the width of the state) and `vocab_size`, and the keys of its YAML.
    """

    @abstractmethod
    def forward(self, hidden_NLI: Tensor) -> Tensor:
        """Return `logits_NLV`."""
