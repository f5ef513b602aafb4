"""Codes as the nearest vectors of a codebook that follows the features.

Shape legend: B images, P positions of the grid, D features of a position, K codes, E width of a code's vector, M
positions of all images, R codes that are restarted.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from lightning_modules.networks.quantizers.quantizer import Quantized, Quantizer, straight_through
from utils.distributed import gather_rows, num_processes, sum_of_processes
from utils.require import require
from utils.seeding import derive_seed, run_seed

SMOOTHING = 1e-5  # of the counts that sums are divided by


class VectorQuantizer(Quantizer):
    """The nearest vector of a codebook, which is a moving average of the features that fall to it (VQ-VAE).

    Van den Oord et al. (2017, appendix A.1), Razavi et al. (2019). The features become E numbers by a linear layer. The
    decoder's gradient is passed through to them, and the cost draws them to their code's vector: Σ_p ‖z − e‖². The
    codebook starts as vectors of the first batch. A code that hardly any feature falls to is moved to a random vector
    of the batch (as in SoundStream, Zeghidour et al. 2021). Processes share counts, sums and draws, so that their
    codebooks are the same to the last bit, and the same as on one process with all images.

    Args:
        width: D.
        num_codes: K.
        code_dim: E.
        decay: Of the moving averages, at each step.
        commitment_weight: Weight of the cost in the loss.
        least_usage: Below this share of what an even usage would give each code, a code is restarted.
        restart_every: Steps from one restart of such codes to the next.

    Raises:
        ValueError: There are fewer than two codes, or a number is out of its range.
    """

    cost_name = "commitment"
    codebook_KE: Tensor
    counts_K: Tensor
    sums_KE: Tensor
    started: Tensor

    def __init__(
        self,
        *,
        width: int,
        num_codes: int = 512,
        code_dim: int = 32,
        decay: float = 0.99,
        commitment_weight: float = 0.25,
        least_usage: float = 0.03,
        restart_every: int = 20,
    ) -> None:
        super().__init__()
        require(num_codes >= 2, "model.quantizer.num_codes", "at least 2", num_codes)
        require(0 <= decay < 1, "model.quantizer.decay", "from 0 to below 1", decay)
        require(0 <= least_usage < 1, "model.quantizer.least_usage", "from 0 to below 1", least_usage)
        require(restart_every >= 1, "model.quantizer.restart_every", "at least 1", restart_every)
        self.num_codes = num_codes
        self.code_dim = code_dim
        self.decay = decay
        self.cost_weight = commitment_weight
        self.least_usage = least_usage
        self.restart_every = restart_every
        self.projection = nn.Linear(width, code_dim)
        codebook_KE = torch.randn(num_codes, code_dim)
        self.register_buffer("codebook_KE", codebook_KE)
        self.register_buffer("counts_K", torch.ones(num_codes))
        self.register_buffer("sums_KE", codebook_KE.clone())
        self.register_buffer("started", torch.tensor(False))

    def quantize(self, grid_BPD: Tensor, step: int) -> Quantized:
        z_BPE = self.projection(grid_BPD)
        if self.training and not self.started:
            self._start(z_BPE.detach(), step)
        codes_BP = self._nearest(z_BPE)
        vectors_BPE = self.vectors(codes_BP)
        cost_B = (z_BPE - vectors_BPE).square().sum(dim=(1, 2))
        if not self.training:
            return Quantized(vectors_BPE, codes_BP, cost_B)
        dead = self._follow(z_BPE.detach(), codes_BP, step)
        return Quantized(straight_through(vectors_BPE, z_BPE), codes_BP, cost_B, {"dead_codes": dead})

    def codes(self, grid_BPD: Tensor) -> Tensor:
        return self._nearest(self.projection(grid_BPD))

    def vectors(self, codes_BP: Tensor) -> Tensor:
        return embedding(codes_BP, self.codebook_KE)

    @torch.no_grad()
    def _nearest(self, z_BPE: Tensor) -> Tensor:
        """Return the code of least ‖z − e‖² of each position; ‖z‖², the same for all codes, is left out."""
        scores_BPK = z_BPE @ (2 * self.codebook_KE.T) - self.codebook_KE.square().sum(dim=1)
        return scores_BPK.argmax(dim=-1)

    @torch.no_grad()
    def _start(self, z_BPE: Tensor, step: int) -> None:
        """Let each code be a vector of the batch, as if one feature had fallen to it."""
        self.codebook_KE.copy_(self._random_vectors(z_BPE, self.num_codes, step))
        self.sums_KE.copy_(self.codebook_KE)
        self.started.fill_(True)

    @torch.no_grad()
    def _follow(self, z_BPE: Tensor, codes_BP: Tensor, step: int) -> Tensor:
        """Move the averages by what fell to each code, on all processes; return how many codes are hardly used."""
        z_ME, codes_M = z_BPE.flatten(0, 1), codes_BP.flatten()
        fell_K = torch.bincount(codes_M, minlength=self.num_codes).to(z_ME)
        sums_KE = torch.zeros_like(self.sums_KE).index_add_(0, codes_M, z_ME)
        together = torch.cat([fell_K.unsqueeze(1), sums_KE], dim=1)
        if num_processes() > 1:
            together = sum_of_processes(together)
        self.counts_K.lerp_(together[:, 0], 1 - self.decay)
        self.sums_KE.lerp_(together[:, 1:], 1 - self.decay)
        least = self.least_usage * self.counts_K.mean()
        dead_R = (self.counts_K < least).nonzero().squeeze(1)  # alike on all processes
        if len(dead_R) and step % self.restart_every == 0:  # to random vectors, with the least count that is used
            self.counts_K[dead_R] = least
            self.sums_KE[dead_R] = least * self._random_vectors(z_BPE, len(dead_R), step)
        total = self.counts_K.sum()
        smoothed_K = (self.counts_K + SMOOTHING) / (total + self.num_codes * SMOOTHING) * total
        self.codebook_KE.copy_(self.sums_KE / smoothed_K.unsqueeze(1))
        return self.counts_K.new_tensor(len(dead_R))

    @staticmethod
    def _random_vectors(z_BPE: Tensor, num: int, step: int) -> Tensor:
        """Draw vectors of all processes' images, in the order of the images: the same on every process."""
        z_ME = gather_rows(z_BPE).flatten(0, 1)
        generator = torch.Generator().manual_seed(derive_seed(run_seed(), "codebook", step))
        repeats = -(-num // len(z_ME))  # a tiny batch may have fewer vectors than there are codes
        order = torch.cat([torch.randperm(len(z_ME), generator=generator) for _ in range(repeats)])
        return z_ME[order[:num].to(z_ME.device)]
