"""Codes as the nearest vectors of a codebook that follows the features.

Shape legend: B images, P positions of the grid, R codes of a position, D features of a position, K codes (of all
codebooks one after the other, where they are in one tensor), E width of a code's vector, M positions of all images, C
codes that are restarted.
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

    With several codebooks a position has a code of each: the nearest vector of the first, then that of the second to
    what the first left over, and so on (residual quantization: SoundStream; RQ-VAE, Lee et al. 2022). The vector of the
    position is their sum, and the cost is the mean of those of the partial sums.

    Args:
        width: D.
        num_codes: K, of each codebook.
        num_codebooks: R.
        code_dim: E.
        decay: Of the moving averages, at each step.
        commitment_weight: Weight of the cost in the loss.
        least_usage: Below this share of what an even usage would give each code, a code is restarted.
        restart_every: Steps from one restart of such codes to the next.

    Raises:
        ValueError: There are fewer than two codes, no codebook, or a number is out of its range.
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
        num_codebooks: int = 1,
        code_dim: int = 32,
        decay: float = 0.99,
        commitment_weight: float = 0.25,
        least_usage: float = 0.03,
        restart_every: int = 20,
    ) -> None:
        super().__init__()
        require(num_codes >= 2, "model.quantizer.num_codes", "at least 2", num_codes)
        require(num_codebooks >= 1, "model.quantizer.num_codebooks", "at least 1", num_codebooks)
        require(0 <= decay < 1, "model.quantizer.decay", "from 0 to below 1", decay)
        require(0 <= least_usage < 1, "model.quantizer.least_usage", "from 0 to below 1", least_usage)
        require(restart_every >= 1, "model.quantizer.restart_every", "at least 1", restart_every)
        self.num_codes = num_codes
        self.codes_per_position = num_codebooks
        self.code_dim = code_dim
        self.decay = decay
        self.cost_weight = commitment_weight
        self.least_usage = least_usage
        self.restart_every = restart_every
        self.projection = nn.Linear(width, code_dim)
        codebook_KE = torch.randn(num_codebooks * num_codes, code_dim)
        self.register_buffer("codebook_KE", codebook_KE)
        self.register_buffer("counts_K", torch.ones(len(codebook_KE)))
        self.register_buffer("sums_KE", codebook_KE.clone())
        self.register_buffer("started", torch.tensor(False))

    def quantize(self, grid_BPD: Tensor, step: int) -> Quantized:
        z_BPE = self.projection(grid_BPD)
        codes_BPR, left_BPRE = self._nearest(z_BPE.detach(), start_at=step if self.training else None)
        sums_BPRE = self._vectors(codes_BPR).cumsum(dim=2)
        cost_B = (z_BPE.unsqueeze(2) - sums_BPRE).square().mean(dim=2).sum(dim=(1, 2))
        codes_BP, vectors_BPE = codes_BPR.flatten(1), sums_BPRE[:, :, -1]
        if not self.training:
            return Quantized(vectors_BPE, codes_BP, cost_B)
        dead = self._follow(left_BPRE, codes_BPR, step)
        return Quantized(straight_through(vectors_BPE, z_BPE), codes_BP, cost_B, {"dead_codes": dead})

    def codes(self, grid_BPD: Tensor) -> Tensor:
        return self._nearest(self.projection(grid_BPD))[0].flatten(1)

    def vectors(self, codes_BP: Tensor) -> Tensor:
        return self._vectors(codes_BP.unflatten(1, (-1, self.codes_per_position))).sum(dim=2)

    def code_vectors(self) -> Tensor:
        return self.codebook_KE

    def _vectors(self, codes_BPR: Tensor) -> Tensor:
        return embedding(self._rows(codes_BPR), self.codebook_KE)

    def _rows(self, codes_BPR: Tensor) -> Tensor:
        """Return where codes are among those of all codebooks."""
        return codes_BPR + self.num_codes * torch.arange(self.codes_per_position, device=codes_BPR.device)

    @torch.no_grad()
    def _nearest(self, z_BPE: Tensor, start_at: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the codes of each position, `codes_BPR`, and what each of them is the nearest to, `left_BPRE`.

        Args:
            z_BPE: The features.
            start_at: The training step, at which codebooks that have not started do so; None for as they are.
        """
        if start_at is not None and self.started:
            start_at = None
        codes, left = [], [z_BPE]
        for number, codebook_KE in enumerate(self.codebook_KE.split(self.num_codes)):
            if start_at is not None:  # as if one feature had fallen to each code
                codebook_KE.copy_(self._random_vectors(left[-1], len(codebook_KE), start_at, number))
            # the code of least ‖z − e‖²; ‖z‖², the same for all codes, is left out
            scores_BPK = left[-1] @ (2 * codebook_KE.T) - codebook_KE.square().sum(dim=1)
            nearest_BP = scores_BPK.argmax(dim=-1)
            codes.append(nearest_BP)
            left.append(left[-1] - embedding(nearest_BP, codebook_KE))
        if start_at is not None:
            self.sums_KE.copy_(self.codebook_KE)
            self.started.fill_(True)
        return torch.stack(codes, dim=2), torch.stack(left[:-1], dim=2)

    @torch.no_grad()
    def _follow(self, left_BPRE: Tensor, codes_BPR: Tensor, step: int) -> Tensor:
        """Move the averages by what fell to each code, on all processes; return how many codes are hardly used."""
        rows = self._rows(codes_BPR).flatten()
        fell_K = torch.bincount(rows, minlength=len(self.counts_K)).to(left_BPRE)
        sums_KE = torch.zeros_like(self.sums_KE).index_add_(0, rows, left_BPRE.flatten(0, 2))
        together = torch.cat([fell_K.unsqueeze(1), sums_KE], dim=1)
        if num_processes() > 1:
            together = sum_of_processes(together)
        self.counts_K.lerp_(together[:, 0], 1 - self.decay)
        self.sums_KE.lerp_(together[:, 1:], 1 - self.decay)
        least = self.least_usage * self.counts_K.mean()
        is_dead_K = self.counts_K < least  # alike on all processes
        if step % self.restart_every == 0:  # to random vectors, with the least count that is used
            for number, is_dead in enumerate(is_dead_K.split(self.num_codes)):
                dead_C = is_dead.nonzero().squeeze(1) + number * self.num_codes
                if len(dead_C):
                    vectors_CE = self._random_vectors(left_BPRE[:, :, number], len(dead_C), step, number)
                    self.counts_K[dead_C] = least
                    self.sums_KE[dead_C] = least * vectors_CE
        total = self.counts_K.sum()
        smoothed_K = (self.counts_K + SMOOTHING) / (total + len(self.counts_K) * SMOOTHING) * total
        self.codebook_KE.copy_(self.sums_KE / smoothed_K.unsqueeze(1))
        return is_dead_K.sum().to(total)

    @staticmethod
    def _random_vectors(z_BPE: Tensor, num: int, step: int, number: int) -> Tensor:
        """Draw vectors of all processes' images, in the order of the images: the same on every process."""
        z_ME = gather_rows(z_BPE).flatten(0, 1)
        generator = torch.Generator().manual_seed(derive_seed(run_seed(), "codebook", step, number))
        repeats = -(-num // len(z_ME))  # a tiny batch may have fewer vectors than there are codes
        order = torch.cat([torch.randperm(len(z_ME), generator=generator) for _ in range(repeats)])
        return z_ME[order[:num].to(z_ME.device)]
