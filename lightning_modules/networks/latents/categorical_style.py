"""Style as a choice among a few codes, the content as a Gaussian.

Shape legend: B images, N captions, F summary width, K codes of a group, Z = S style.
"""

from typing import Unpack

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.categorical_code import CategoricalCode
from lightning_modules.networks.latents.conditional import ConditionalLatents, ConditionalOptions
from lightning_modules.schedules import Schedule, as_schedule
from utils.require import require


class CategoricalStyleLatents(ConditionalLatents):
    """q(S|I,w) = Π_g q(k_g|I,w) and p(S|I) = Π_g p(k_g|I), both learned; q(C|I,S) as in `ConditionalLatents`.

    S is one of K codes in each of G groups: their vectors, from a learned codebook, side by side.

    Args:
        style_dim: Dimensions of S, of all groups together.
        hidden_size: Width of the summary, of the content posterior's hidden layer and of what reads the caption.
        num_groups: Groups G.
        num_codes: Codes K of each group.
        temperature: Of the Gumbel-softmax through which the posterior is trained: low is close to discrete but has a
            noisy gradient. A number or a schedule.
        options: See `ConditionalLatents`.

    Raises:
        ValueError: There are no groups or more than dimensions, or fewer than two codes.
    """

    discrete = ("style",)

    group_of_Z: Tensor

    def __init__(
        self,
        *,
        style_dim: int = 16,
        hidden_size: int = 256,
        num_groups: int = 2,
        num_codes: int = 32,
        temperature: float | Schedule = 1.0,
        **options: Unpack[ConditionalOptions],
    ) -> None:
        super().__init__(style_dim=style_dim, hidden_size=hidden_size, **options)
        require(
            1 <= num_groups <= style_dim, "model.latents.num_groups", f"from 1 to style_dim={style_dim}", num_groups
        )
        require(num_codes >= 2, "model.latents.num_codes", "at least 2", num_codes)
        self.num_groups = num_groups
        self.temperature = as_schedule(temperature)
        self.style_posterior = nn.Linear(2 * hidden_size, num_groups * num_codes)
        self.style_prior = nn.Linear(hidden_size, num_groups * num_codes)
        self.codebook_KZ = nn.Parameter(torch.randn(num_codes, style_dim))
        groups = torch.arange(style_dim).tensor_split(num_groups)
        group_of_Z = torch.arange(num_groups).repeat_interleave(torch.tensor([len(group) for group in groups]))
        self.register_buffer("group_of_Z", group_of_Z, persistent=False)

    def _posterior(self, read_NF: Tensor, step: int) -> CategoricalCode:
        temperature = self.temperature(step)
        require(temperature > 0, "model.latents.temperature", "positive", f"{temperature} at step {step}")
        return self._code(self.style_posterior(read_NF), temperature)

    def _prior(self, summary_BF: Tensor) -> CategoricalCode:
        return self._code(self.style_prior(summary_BF))

    def _code(self, logits_NX: Tensor, temperature: float = 1.0) -> CategoricalCode:
        log_probability_NGK = logits_NX.float().unflatten(1, (self.num_groups, -1)).log_softmax(dim=2)
        # A result made without gradients is without them also where its mean is asked for later
        codebook_KZ = self.codebook_KZ if torch.is_grad_enabled() else self.codebook_KZ.detach()
        return CategoricalCode(log_probability_NGK, codebook_KZ, self.group_of_Z, temperature)
