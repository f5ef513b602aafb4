"""Further terms of the VAE-loss: a class here or in a package of your own, and a YAML under `conf/model/loss/terms`.

Shape legend: N captions.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from lightning_modules.networks import CaptionerOutput
from lightning_modules.schedules import Schedule


class LossTerm(nn.Module, ABC):
    """A term of the loss: something to minimise, of each caption.

    Its constructor takes whatever stands in its YAML. It is logged as `train/nats/NAME` and
    `train/contribution/NAME`, and of validation and test as well, where NAME is its name under `model.loss.terms`.
    """

    @abstractmethod
    def forward(self, output: CaptionerOutput) -> Tensor:
        """Return the term of each caption in nats, summed over its elements, with gradients: [N].

        That of a caption may not depend on the other captions of the batch: figures of validation would depend on how
        images are batched.
        """


class WeightedTerm:
    """A term and its weight in the loss.

    Args:
        term: The term.
        weight: A number, or a schedule over training steps (see `lightning_modules.schedules`).
    """

    def __init__(self, *, term: LossTerm, weight: float | Schedule) -> None:
        self.term = term
        self.weight = weight
