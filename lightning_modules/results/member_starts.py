"""Where the captions of several models together begin."""

from typing import NamedTuple

from torch import Tensor

from lightning_modules.generation import EnsembleState, Stepper
from lightning_modules.results.generated import CaptionCodes


class MemberStarts(NamedTuple):
    """What captions of an ensemble are generated from.

    Attributes:
        num_samples: Latent samples of all images; each is one of every member.
        steppers: The members' decoders.
        state: Their states before the last token of the prefix, a row for each sample.
        codes: Of each member what its state was made of; None for one without latents.
    """

    num_samples: int
    steppers: tuple[Stepper, ...]
    state: EnsembleState
    codes: tuple[CaptionCodes | None, ...]

    def select(self, rows: Tensor) -> "MemberStarts":
        """Return these samples, in that order."""
        codes = tuple(None if of_member is None else of_member.select(rows) for of_member in self.codes)
        return self._replace(num_samples=len(rows), state=self.state.select(rows), codes=codes)
