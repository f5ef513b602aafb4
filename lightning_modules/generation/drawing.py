"""Images of captions, code by code: how strongly the caption counts, and how the next code is chosen.

With a guidance of s each image is drawn by two rows of the network's batch: one of its caption, and one of the empty
caption, which has read the same codes. The next code is chosen by

    logits = logits of the empty caption + s · (logits of the caption − logits of the empty caption)

before temperature and filters (Ho and Salimans 2021, equation 6, with s = 1 + w).

Shape legend: R drawings, T rows of the network's batch, P positions of the grid of codes, Q of them that are given,
K codes.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from lightning_modules.generation.filtering import filter_logits
from lightning_modules.generation.sample import sample_words
from utils.require import require
from utils.seeding import Generators, random_rows


class DrawingStepper(Protocol):
    """What drawing asks of a network that draws images of captions."""

    @property
    def num_positions(self) -> int:
        """How many codes an image has."""
        ...

    def step_drawing(self, codes_T: Tensor | None, state: Any, /) -> tuple[Tensor, Any]:
        """Read one code of each image, none before the first one.

        Returns:
            `logits_TK` of the next code, and the `StepState` to go on from.
        """
        ...


class DrawnCodes(NamedTuple):
    """Images as codes.

    Attributes:
        codes_RP: Row by row of the grid.
        log_probability_R: log P(codes | caption) in nats, under the model's own distribution: no guidance, temperature
            or filter is in it. Of codes that were given it has nothing: it is of the others, given these.
    """

    codes_RP: Tensor
    log_probability_R: Tensor


class Drawing(ABC):
    """A way to turn distributions of codes into images.

    Its constructor takes whatever stands in its YAML under `conf/drawing`.

    Args:
        guidance: How strongly the caption counts: 1 as the model has learned, above 1 more strongly, at the price of
            variety; 0 not at all. Other values than 1 take twice the time.

    Attributes:
        is_guided: Whether there has to be a row of the empty caption for each drawing.

    Raises:
        ValueError: The guidance is negative.
    """

    def __init__(self, *, guidance: float) -> None:
        require(guidance >= 0, "drawing.guidance", "0 or more", guidance)
        self.guidance = guidance

    @property
    def is_guided(self) -> bool:
        return self.guidance != 1

    def __call__(
        self,
        stepper: DrawingStepper,
        state: Any,
        *,
        given_RQ: Tensor | None = None,
        generators: Generators | None = None,
    ) -> DrawnCodes:
        """Draw an image of each caption.

        Args:
            stepper: The network.
            state: Its state before the first code: a row for each caption and, if the drawing is guided, after them as
                many of the empty caption.
            given_RQ: The first codes of each image; None for none.
            generators: Where random numbers come from, one for each image; None for PyTorch's own.
        """
        codes_T: Tensor | None = None
        codes: list[Tensor] = []
        nats: list[Tensor] = []
        num_given = 0 if given_RQ is None else given_RQ.shape[1]
        for position in range(stepper.num_positions):
            logits_TK, state = stepper.step_drawing(codes_T, state)
            caption_RK, logits_RK = self._guide(logits_TK.float())
            if given_RQ is not None and position < num_given:
                codes_R = given_RQ[:, position].to(logits_RK.device)
                nats.append(torch.zeros_like(caption_RK[:, 0]))
            else:
                codes_R = self.choose(logits_RK, generators)
                nats.append(caption_RK.log_softmax(dim=1).gather(1, codes_R[:, None]).squeeze(1))
            codes.append(codes_R)
            codes_T = torch.cat([codes_R, codes_R]) if self.is_guided else codes_R
        return DrawnCodes(torch.stack(codes, dim=1), torch.stack(nats, dim=1).sum(dim=1))

    @abstractmethod
    def choose(self, logits_RK: Tensor, generators: Generators | None) -> Tensor:
        """Return the next code of each image: [R]."""

    def _guide(self, logits_TK: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the captions alone, and those by which the next codes are chosen."""
        if not self.is_guided:
            return logits_TK, logits_TK
        caption_RK, null_RK = logits_TK.chunk(2)
        return caption_RK, null_RK + self.guidance * (caption_RK - null_RK)


class GreedyDrawing(Drawing):
    """The likeliest next code, always: one image of a caption.

    Args:
        guidance: See `Drawing`.
    """

    def __init__(self, *, guidance: float = 1.0) -> None:
        super().__init__(guidance=guidance)

    def choose(self, logits_RK: Tensor, generators: Generators | None) -> Tensor:
        return logits_RK.argmax(dim=1)


class SampledDrawing(Drawing):
    """Codes sampled at random from the filtered distribution (see `filter_logits` for the filters).

    Args:
        temperature: Divides the logits: below 1 sharper, above 1 flatter.
        top_k: Keep the k likeliest codes; None for all.
        top_p: Keep the likeliest codes that together reach this probability; None for all.
        filter_thres: Keep the share 1 − filter_thres of the codes, the likeliest; None for all.
        guidance: See `Drawing`.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = 0.9,
        filter_thres: float | None = None,
        guidance: float = 2.0,
    ) -> None:
        super().__init__(guidance=guidance)
        greedy = "above 0 (for no randomness use drawing=greedy)"
        require(temperature > 0, "drawing.temperature", greedy, temperature)
        require(top_k is None or top_k >= 1, "drawing.top_k", "at least 1", top_k)
        require(top_p is None or 0 < top_p <= 1, "drawing.top_p", "above 0 and at most 1", top_p)
        in_range = filter_thres is None or 0 <= filter_thres < 1
        require(in_range, "drawing.filter_thres", "in [0, 1)", filter_thres)
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.filter_thres = filter_thres

    def choose(self, logits_RK: Tensor, generators: Generators | None) -> Tensor:
        filtered_RK = filter_logits(
            logits_RK,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            filter_thres=self.filter_thres,
        )
        return sample_words(filtered_RK, random_rows(torch.rand, filtered_RK[:, 0], generators))
