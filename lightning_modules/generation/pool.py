"""Captions of several strategies together: candidates for a ranker to choose from.

Shape legend: S sets of captions (of an image, or of each of its given styles), K captions of a strategy, L tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from lightning_modules.generation.strategy import (
    Generated,
    LatentSampling,
    Request,
    SpecialTokens,
    Stepper,
    Strategy,
)
from utils.require import require


class Pool(Strategy):
    """The captions of one strategy after those of the other, each from the latents that its strategy asks for.

    They stay in that order, whatever they are worth: `ranking` brings them into another. Their score is log P.

    Args:
        strategies: By name, such as beams and samples.

    Raises:
        ValueError: There is none, or one selects some of the captions that it generates, or is a pool itself.
    """

    def __init__(self, *, strategies: Mapping[str, Strategy]) -> None:
        require(len(strategies) > 0, "generation.strategies", "at least one strategy", dict(strategies))
        self.strategies = [*strategies.values()]
        self.samplings = [_sampling_of_each_caption(name, part) for name, part in strategies.items()]
        self.num = sum(part.num for part in self.strategies)
        self.max_length = max(part.max_length for part in self.strategies)
        self.latents = LatentSampling(num=self.num, parts=tuple(self.samplings))

    def bind(self, request: Request) -> Strategy:
        """Return the same strategies for one batch; an image's random numbers go from one to the next."""
        pool = copy(self)
        num_rows = len(request.constraints)
        pool.strategies = [
            part.bind(request._replace(constraints=_rows_of(request.constraints, rows)))
            for part, rows in zip(self.strategies, self._rows(num_rows), strict=True)
        ]
        return pool

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        parts = []
        for part, rows_N in zip(self.strategies, self._rows(len(first_N)), strict=True):
            rows_N = rows_N.to(first_N.device)
            parts.append(part(stepper, state.select(rows_N), first_N[rows_N], special))
        num_sets = len(first_N) // self.num
        longest = max(part.tokens_NL.shape[1] for part in parts)
        tokens = [pad(part.tokens_NL, (0, longest - part.tokens_NL.shape[1]), value=special.pad_id) for part in parts]
        nats_N = _side_by_side([part.log_probability_N for part in parts], num_sets)
        finished_N = _side_by_side([part.finished_N for part in parts], num_sets)
        return Generated(_side_by_side(tokens, num_sets), nats_N, nats_N, finished_N)

    def _rows(self, num_rows: int) -> Iterator[Tensor]:
        """Yield for each strategy the rows of the latent samples that it starts from."""
        first_S1 = torch.arange(0, num_rows, self.num).unsqueeze(1)
        start = 0
        for part in self.strategies:
            yield (first_S1 + torch.arange(start, start + part.latents.num)).flatten()
            start += part.num


def _sampling_of_each_caption(name: str, part: Strategy) -> LatentSampling:
    """Return how a strategy samples latents, a sample for each of its captions: beams share one."""
    sampling = part.latents
    shared = sampling.num == 1 and sampling.style_scale == sampling.content_scale == 0
    require(
        not sampling.parts and (sampling.num == part.num or shared),
        f"generation.strategies.{name}",
        "a strategy that keeps all captions that it generates, without max_draws, and no pool",
        f"{part.num} captions of {sampling.num} samples",
    )
    return sampling._replace(num=part.num)


def _side_by_side(parts: Sequence[Tensor], num_sets: int) -> Tensor:
    """Join what strategies have made, set by set."""
    return torch.cat([part.unflatten(0, (num_sets, -1)) for part in parts], dim=1).flatten(0, 1)


def _rows_of(constraints: Sequence[Any], rows_N: Tensor) -> list[Any]:
    return [constraints[row] for row in rows_N.tolist()]
