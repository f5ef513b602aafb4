"""A code that is a choice in each of several groups, with a learned vector for each choice.

Shape legend: N captions, G groups, K codes of a group, Z latent dimensions, M choices of an image.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_modules.networks.latents.diagonal_gaussian import LOG_VARIANCE_LIMIT, DiagonalGaussian
from lightning_modules.networks.latents.distinct_choices import distinct_choices, gumbel
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise, choices_at
from utils.seeding import Generators, random_rows


class CategoricalCode(NamedTuple):
    """One of K codes in each of G groups, the groups independent; their vectors, side by side, are the code.

    Attributes:
        log_probability_NGK: log p of each choice.
        codebook_KZ: The vectors: those of a group have its dimensions alone.
        group_of_Z: Which group each dimension belongs to; those of a group stand together.
        temperature: Of the relaxation through which gradients flow.
    """

    log_probability_NGK: Tensor
    codebook_KZ: Tensor
    group_of_Z: Tensor
    temperature: float = 1.0

    @property
    def mean(self) -> Tensor:
        """The vectors of the likeliest codes: [N, Z]. The distribution's own mean lies between the codes."""
        return self._vectors(self._one_hot(self.log_probability_NGK.argmax(dim=2)))

    def select(self, rows: Tensor) -> Self:
        """Return the distributions of these rows, in that order."""
        return self._replace(log_probability_NGK=self.log_probability_NGK[rows])

    def sample(
        self, latent_scale: float = 1.0, generators: Generators | None = None, noise: Noise = INDEPENDENT
    ) -> Tensor:
        """Sample from p^(1 / latent_scale), normalised; 0 gives the likeliest codes: [N, Z].

        Straight-through Gumbel-softmax (Jang, Gu and Poole 2017, section 2.2): codes on the way forward, their
        relaxation on the way back. Codes that depend on each other, spread or distinct ones, are without gradients.
        Spread ones are, in each group by itself, in proportion to their probabilities. Arguments as for `Distribution`.
        """
        if latent_scale == 0:
            return self.mean
        scaled_NGK = self.log_probability_NGK / latent_scale
        if noise.num_distinct > 1:
            logits_BGK = scaled_NGK[:: noise.num_distinct].detach()
            choice_MG = distinct_choices(logits_BGK, noise.num_distinct, generators).flatten(0, 1)
            return self._vectors(self._one_hot(choice_MG))
        if noise.is_spread:
            uniforms = [random_rows(noise.uniform, group_NK[:, :1], generators) for group_NK in scaled_NGK.unbind(1)]
            choice_NG = choices_at(scaled_NGK.log_softmax(dim=2), torch.cat(uniforms, dim=1))
            return self._vectors(self._one_hot(choice_NG))
        perturbed_NGK = scaled_NGK + gumbel(random_rows(noise.uniform, scaled_NGK, generators))
        soft_NGK = (perturbed_NGK / self.temperature).softmax(dim=2)
        return self._vectors(self._one_hot(perturbed_NGK.argmax(dim=2)) + (soft_NGK - soft_NGK.detach()))

    def kl_from(self, posterior: "CategoricalCode", sample: Tensor) -> Tensor:
        """Return KL[posterior ‖ this] in nats, that of a group in equal shares of its dimensions: [N, Z]; exact."""
        log_q_NGK = posterior.log_probability_NGK
        kl_NG = (log_q_NGK.exp() * (log_q_NGK - self.log_probability_NGK)).sum(dim=2)
        width_G = torch.bincount(self.group_of_Z, minlength=kl_NG.shape[1])
        return (kl_NG / width_G)[:, self.group_of_Z]

    def as_gaussian(self) -> DiagonalGaussian:
        """Return the Gaussian with the mean and variance of each dimension."""
        p_NGK = self.log_probability_NGK.exp()
        mean_NZ = self._vectors(p_NGK)
        squared_NZK = (self.codebook_KZ.T - mean_NZ.unsqueeze(2)).square()
        variance_NZ = (p_NGK[:, self.group_of_Z] * squared_NZK).sum(dim=2)
        return DiagonalGaussian(mean_NZ, variance_NZ.log().clamp(min=-LOG_VARIANCE_LIMIT))

    def choices_of(self, code_NZ: Tensor) -> Tensor:
        """Return which codes a sample consists of, those whose vectors are the nearest: [N, G]."""
        num_groups = self.log_probability_NGK.shape[1]
        squared_NZK = (code_NZ.unsqueeze(2) - self.codebook_KZ.T).square()
        distance_NGK = squared_NZK.new_zeros(len(code_NZ), num_groups, squared_NZK.shape[2])
        return distance_NGK.index_add(1, self.group_of_Z, squared_NZK).argmin(dim=2)

    def _one_hot(self, choice_NG: Tensor) -> Tensor:
        return one_hot(choice_NG, self.codebook_KZ.shape[0]).to(self.codebook_KZ.dtype)

    def _vectors(self, weight_NGK: Tensor) -> Tensor:
        """Return the vectors of the codes by their weights: [N, Z]."""
        return (weight_NGK[:, self.group_of_Z] * self.codebook_KZ.T).sum(dim=2)
