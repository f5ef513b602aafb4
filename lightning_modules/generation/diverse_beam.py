"""Beams in groups that avoid each other's words.

Shape legend: B images, G groups of each, S = B · G searches, K live captions of each, C candidates, F captions of a
group, N = B · G · F captions, V vocabulary.
"""

from typing import Any, Unpack

import torch
from torch import Tensor

from lightning_modules.generation.beam import Beam, BeamOptions
from lightning_modules.generation.hypotheses import Candidates, Hypotheses
from lightning_modules.generation.strategy import Generated, SpecialTokens, Stepper
from utils.require import require


class DiverseBeam(Beam):
    """Diverse beam search (Vijayakumar et al. 2018, algorithm 1) with the Hamming dissimilarity.

    Each group searches with `beam_size / num_groups` beams. At each step the groups take turns, and a word counts
    `diversity` less for every caption that went on with it at this step in the groups before. The penalty decides which
    words are taken; log P and scores stay as they are without it.

    Of each image come first the best captions of the groups, the best of all in front, then the second best, and so on.

    Args:
        beam_size: Captions in the beams of all groups.
        num: Captions of each image.
        num_groups: Groups G.
        diversity: The Hamming penalty λ, in nats.
        options: See `Beam`.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 5,
        num: int = 5,
        num_groups: int = 5,
        diversity: float = 0.5,
        **options: Unpack[BeamOptions],
    ) -> None:
        super().__init__(beam_size=beam_size, num=num, **options)
        divides = num_groups >= 1 and beam_size % num_groups == 0
        require(divides, "generation.num_groups", f"a divisor of beam_size={beam_size}", num_groups)
        require(diversity >= 0, "generation.diversity", "0 or more", diversity)
        self.num_groups = num_groups
        self.diversity = diversity

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        num_images, num_each = len(first_N), -(-self.num // self.num_groups)
        image_S = torch.arange(num_images, device=first_N.device).repeat_interleave(self.num_groups)
        generated = self._search(
            stepper,
            state.select(image_S),
            first_N[image_S],
            special,
            width=self.beam_size // self.num_groups,
            num=num_each,
        )
        return self._best_of_each_group_first(generated, num_images)

    def _best_of_each_group_first(self, generated: Generated, num_images: int) -> Generated:
        by_rank_BFG = torch.arange(len(generated.score_N), device=generated.score_N.device)
        by_rank_BFG = by_rank_BFG.view(num_images, self.num_groups, -1).transpose(1, 2)
        by_score_BFG = generated.score_N[by_rank_BFG].argsort(dim=-1, descending=True, stable=True)
        by_score_BFG = by_rank_BFG.gather(-1, by_score_BFG)
        finished_first_BFG = (
            generated.finished_N[by_score_BFG].to(torch.uint8).argsort(dim=-1, descending=True, stable=True)
        )
        chosen_N = by_score_BFG.gather(-1, finished_first_BFG).flatten(1)[:, : self.num].flatten()
        return Generated(*(part_N[chosen_N] for part_N in generated))

    def _candidates(self, log_p_SKV: Tensor, live: Hypotheses, special: SpecialTokens, width: int) -> Candidates:
        total_SKV = live.log_probability_SK[..., None] + self._allow(log_p_SKV, live, special)
        total_BGKV = total_SKV.unflatten(0, (-1, self.num_groups))
        taken_BV = total_SKV.new_zeros(len(total_BGKV), total_SKV.shape[-1])
        groups: list[Candidates] = []
        for total_BKV in total_BGKV.unbind(dim=1):
            best = Candidates.highest(total_BKV - self.diversity * taken_BV.unsqueeze(1), 2 * width)
            nats_BC = total_BKV[torch.arange(len(total_BKV)).unsqueeze(1), best.beam_SC, best.token_SC]
            best = best._replace(log_probability_SC=nats_BC)
            next_BK = best.continuations(width, eos_id=special.eos_id)
            taken_BV = taken_BV.scatter_add(1, next_BK.token_SC, next_BK.log_probability_SC.isfinite().float())
            groups.append(best)
        return Candidates(*(torch.stack(parts, dim=1).flatten(0, 1) for parts in zip(*groups, strict=True)))
