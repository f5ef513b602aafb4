"""Further terms of the VAE-loss: a class here or in a package of your own, and a YAML under `conf/model/loss/terms`.

Shape legend: N captions.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from lightning_modules.networks import CaptionerOutput
from lightning_modules.schedules import Schedule


class LossTerm(nn.Module, ABC):
    """A term of the loss: something to minimise, of each caption.

    Its constructor takes whatever stands in its YAML. It is logged as `train/nats/NAME` and
    `train/contribution/NAME`, and of validation and test as well, where NAME is its name under `model.loss.terms`.

    A term with parameters has `_partial_: true` in its YAML, and its constructor takes `widths` (`NetworkWidths`), too.
    Its parameters are trained and saved as `loss.terms.NAME.…`; each must take part in every step.
    """

    @abstractmethod
    def forward(self, output: CaptionerOutput) -> Tensor:
        """Return the term of each caption in nats, summed over its elements, with gradients: [N].

        That of a caption may not depend on the other captions of the batch: figures of validation would depend on how
        images are batched.
        """


class NetworkWidths(NamedTuple):
    """The widths of what a term with parameters may read.

    Attributes:
        style_dim: Dimensions of S.
        content_dim: Dimensions of C.
        vocab_size: Words of the vocabulary.
    """

    style_dim: int
    content_dim: int
    vocab_size: int


class TermBuilder(Protocol):
    """What `_partial_: true` makes of a term's settings."""

    def __call__(self, *, widths: NetworkWidths) -> LossTerm: ...


class WeightedTerm:
    """A term and its weight in the loss.

    Args:
        term: The term, or what builds it once the network's widths are known.
        weight: A number, or a schedule over training steps (see `lightning_modules.schedules`).
    """

    def __init__(self, *, term: LossTerm | TermBuilder, weight: float | Schedule) -> None:
        self.term = term
        self.weight = weight

    def build(self, widths: NetworkWidths | None) -> LossTerm:
        """Return the term itself."""
        if isinstance(self.term, LossTerm):
            return self.term
        assert widths is not None, "a term with parameters is built with the network's widths"
        return self.term(widths=widths)
