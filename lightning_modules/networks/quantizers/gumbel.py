"""Codes as categorical variables, relaxed by Gumbel noise.

Shape legend: B images, P positions of the grid, D features of a position, K codes, E width of a code's vector.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from lightning_modules.networks.quantizers.quantizer import Quantized, Quantizer, straight_through
from lightning_modules.schedules import Schedule, as_schedule
from utils.require import require
from utils.seeding import Generators, random_rows


class GumbelQuantizer(Quantizer):
    """One categorical variable a position: its logits are linear in the features, its prior is uniform.

    Training reads the mixture yᵀ · codebook with y = softmax((logits + g) / temperature), g Gumbel noise (Jang, Gu and
    Poole 2017; Ramesh et al. 2021, section 2.1). Evaluation takes the likeliest code, without noise. The cost is the KL
    from the uniform prior, of each image (`uniform_kl`), from the logits without noise and temperature.

    Args:
        width: D.
        temperature: Of the relaxation, a number or a schedule. Near 0 mixtures are nearly single codes.
        num_codes: K.
        code_dim: E.
        straight_through: Whether the decoder reads the vector of the likeliest code in y, with the gradient of the
            mixture; then a temperature of 1 is as good as any.
        kl_weight: Weight of the KL in the loss.

    Raises:
        ValueError: There are fewer than two codes, or the temperature at some step is not positive.
    """

    cost_name = "kl"

    def __init__(
        self,
        *,
        width: int,
        temperature: float | Schedule,
        num_codes: int = 512,
        code_dim: int = 32,
        straight_through: bool = False,
        kl_weight: float = 0.1,
    ) -> None:
        super().__init__()
        require(num_codes >= 2, "model.quantizer.num_codes", "at least 2", num_codes)
        self.num_codes = num_codes
        self.code_dim = code_dim
        self.temperature = as_schedule(temperature)
        self.straight_through = straight_through
        self.cost_weight = kl_weight
        self.projection = nn.Linear(width, num_codes)
        self.codebook = nn.Embedding(num_codes, code_dim)

    def quantize(self, grid_BPD: Tensor, step: int) -> Quantized:
        logits_BPK = self.projection(grid_BPD)
        codes_BP = logits_BPK.argmax(dim=-1)
        temperature = self._temperature(step)
        vectors_BPE = self._relax(logits_BPK, temperature) if self.training else self.vectors(codes_BP)
        return Quantized(vectors_BPE, codes_BP, uniform_kl(logits_BPK), {"temperature": torch.tensor(temperature)})

    def codes(self, grid_BPD: Tensor) -> Tensor:
        return self.projection(grid_BPD).argmax(dim=-1)

    def vectors(self, codes_BP: Tensor) -> Tensor:
        return embedding(codes_BP, self.codebook.weight)

    def relaxed(self, grid_BPD: Tensor, step: int, generators: Generators | None = None) -> Tensor | None:
        return self._relax(self.projection(grid_BPD), self._temperature(step), generators)

    def _relax(self, logits_BPK: Tensor, temperature: float, generators: Generators | None = None) -> Tensor:
        noise_BPK = -random_rows(_exponential, logits_BPK, generators).log()
        soft_BPK = ((logits_BPK + noise_BPK) / temperature).softmax(dim=-1)
        if self.straight_through:
            hard_BPK = torch.zeros_like(soft_BPK).scatter(-1, soft_BPK.argmax(dim=-1, keepdim=True), 1.0)
            soft_BPK = straight_through(hard_BPK, soft_BPK)
        return soft_BPK @ self.codebook.weight

    def _temperature(self, step: int) -> float:
        temperature = self.temperature(step)
        require(temperature > 0, "model.quantizer.temperature", "positive", f"{temperature} at step {step}")
        return temperature


def uniform_kl(logits_BPK: Tensor) -> Tensor:
    """Return KL[q ‖ uniform] of each image in nats: Σ_p Σ_k q (ln q + ln K), from 0 to P · ln K; [B].

    DALLE-pytorch adds it up over the batch instead, while its reconstruction error is a mean over all numbers of all
    images: there a weight w is a β of w · B · 3π/4 · height · width here.
    """
    log_q_BPK = logits_BPK.log_softmax(dim=-1)
    return (log_q_BPK.exp() * (log_q_BPK + math.log(logits_BPK.shape[-1]))).sum(dim=(1, 2))


def _exponential(
    shape: torch.Size, *, dtype: torch.dtype, device: torch.device, generator: torch.Generator | None = None
) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=device).exponential_(generator=generator)
