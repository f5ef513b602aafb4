"""A normalising flow whose every layer knows the image.

Shape legend: Z latent dimensions, F width of the context, H hidden.
"""

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian

LOG_SCALE_LIMIT = 2.0  # a layer stretches a dimension at most by exp(2), so that layers in a row stay far from overflow


class AffineCoupling(nn.Module):
    """Every other dimension is scaled and shifted by what follows from the rest and the context.

    y = m ⊙ x + (1 − m) ⊙ (x ⊙ exp(s(m ⊙ x, c)) + t(m ⊙ x, c)) (Dinh, Sohl-Dickstein and Bengio 2017, equation 9).
    It starts as the identity.

    Args:
        dim: Dimensions Z.
        context_dim: Width F of the context c.
        hidden_size: Width of the layer between both and s and t.
        kept: Whether the even (0) or the odd (1) dimensions stay as they are.
    """

    kept_Z: Tensor

    def __init__(self, *, dim: int, context_dim: int, hidden_size: int, kept: int) -> None:
        super().__init__()
        self.register_buffer("kept_Z", (torch.arange(dim) % 2 == kept).float(), persistent=False)
        self.from_code = nn.Linear(dim, hidden_size)
        self.from_context = nn.Linear(context_dim, hidden_size, bias=False)
        self.scale_and_shift = nn.Linear(hidden_size, 2 * dim)
        nn.init.zeros_(self.scale_and_shift.weight)
        nn.init.zeros_(self.scale_and_shift.bias)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and log |det dy/dx|: [..., Z] and [...]; x is [..., Z], the context [..., F]."""
        log_scale, shift = self._scale_and_shift(x, context)
        return x * log_scale.exp() + shift, log_scale.sum(dim=-1)

    def inverse(self, y: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and log |det dx/dy|."""
        log_scale, shift = self._scale_and_shift(y, context)
        return (y - shift) * (-log_scale).exp(), -log_scale.sum(dim=-1)

    def _scale_and_shift(self, code: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return log s and t of each dimension, 0 of those that are kept, which are the same in x and y."""
        hidden = torch.tanh(self.from_code(code * self.kept_Z) + self.from_context(context))
        raw, shift = self.scale_and_shift(hidden).float().chunk(2, dim=-1)
        changed_Z = 1 - self.kept_Z
        return LOG_SCALE_LIMIT * torch.tanh(raw / LOG_SCALE_LIMIT) * changed_Z, shift * changed_Z


class ConditionalFlow(nn.Module):
    """From standard normal noise to a code of the image, and back.

    s = μ(c) + σ(c) ⊙ f(ε; c): affine couplings f, then the mean and the deviations of a Gaussian. As long as the
    couplings are the identity, codes have this Gaussian distribution.

    Args:
        dim: Dimensions Z.
        context_dim: Width F of the context c.
        hidden_size: Width of the hidden layer of each coupling.
        num_layers: Couplings.
    """

    def __init__(self, *, dim: int, context_dim: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.dim = dim
        self.couplings = nn.ModuleList(
            AffineCoupling(dim=dim, context_dim=context_dim, hidden_size=hidden_size, kept=number % 2)
            for number in range(num_layers)
        )
        self.gaussian = nn.Linear(context_dim, 2 * dim)

    def forward(self, noise: Tensor, context: Tensor) -> Tensor:
        """Return the code that noise becomes: [..., Z]."""
        code = noise
        for coupling in self.couplings:
            code, _ = coupling(code, context)
        mean, log_variance = DiagonalGaussian.from_parameters(self.gaussian(context))
        return mean + (0.5 * log_variance).exp() * code

    def inverse(self, code: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise that becomes a code, [..., Z], and log |det d noise / d code|, [...]."""
        mean, log_variance = DiagonalGaussian.from_parameters(self.gaussian(context))
        noise = (code - mean) * (-0.5 * log_variance).exp()
        log_det = -0.5 * log_variance.sum(dim=-1)
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, AffineCoupling)
            noise, log_det_of_layer = coupling.inverse(noise, context)
            log_det = log_det + log_det_of_layer
        return noise, log_det
