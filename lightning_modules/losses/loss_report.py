"""What every loss reports of itself."""

from typing import NamedTuple, Self

from torch import Tensor


class LossReport(NamedTuple):
    """The loss and everything that it was made of, by name.

    Attributes:
        total: What the optimizer minimises.
        nats: Each term in nats per sample, as it is.
        contributions: Each term as it enters the loss: weighed, and with its free bits.
        weights: The weights at this step.
    """

    total: Tensor
    nats: dict[str, Tensor]
    contributions: dict[str, Tensor]
    weights: dict[str, float]

    @classmethod
    def of(cls, nats: dict[str, Tensor], contributions: dict[str, Tensor], weights: dict[str, float]) -> Self:
        """Return the report of a loss that is the sum of the contributions."""
        first, *others = contributions.values()
        return cls(sum(others, start=first), nats, contributions, weights)

    def named(self, stage: str) -> dict[str, Tensor]:
        """Return the terms by what they are called in logs: `{stage}/nats/…` and `{stage}/contribution/…`."""
        nats = {f"{stage}/nats/{name}": value for name, value in self.nats.items()}
        return nats | {f"{stage}/contribution/{name}": value for name, value in self.contributions.items()}
