"""Shape legend: N captions, S style, C content, X context."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Combiner(nn.Module, ABC):
    """From style and content to one context, which the decoder reads.

    Its constructor takes `style_dim` and `content_dim`, and the keys of its YAML.

    Attributes:
        context_dim: X.
    """

    context_dim: int

    @abstractmethod
    def forward(self, style_NS: Tensor, content_NC: Tensor) -> Tensor:
        """Return `context_NX`."""
