"""The loss of the discrete VAE: the one place where its terms are summed.

Shape legend: B images.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.losses.loss_report import LossReport
from lightning_modules.losses.pixel_terms import gaussian_nll, huber, logit_laplace_nll
from lightning_modules.networks.discrete_vae import DiscreteVAEOutput
from lightning_modules.networks.quantizers import Quantizer
from lightning_modules.schedules import Schedule, as_schedule
from utils.distributed import mean_of_batch

Reconstruction = Literal["gaussian", "huber", "logit_laplace"]


class QuantizerCost(NamedTuple):
    """What a quantizer adds to the loss.

    Attributes:
        name: What it is called in logs.
        weight: How much it counts.
    """

    name: str
    weight: float


class DiscreteVAELoss(nn.Module):
    """reconstruction + k · weight · cost of the quantizer + w · features, of each image, averaged over the images.

    Of `gumbel` the cost is the KL from the uniform prior, of `vq` the commitment, `fsq` has none; the weight is the
    quantizer's own setting. `features` is −log p(f | codes) but for a constant, with a normal distribution of variance
    1 for each of the encoder's features f: ½ Σ (f − f̂)². The batch is that of all processes together (see
    `mean_of_batch`), so each of them must compute the loss.

    Args:
        reconstruction: `gaussian`, `huber` or `logit_laplace` (see `lightning_modules.losses.pixel_terms`).
        kl_loss_weight: k, a number or a schedule over training steps.
        features_weight: w, a number or a schedule over training steps. A constant 0 leaves the term out.
        cost: Of the quantizer; None for none.
    """

    def __init__(
        self,
        *,
        reconstruction: Reconstruction = "gaussian",
        kl_loss_weight: float | Schedule = 1.0,
        features_weight: float | Schedule = 0.0,
        cost: QuantizerCost | None = None,
    ) -> None:
        super().__init__()
        self.reconstruction = reconstruction
        self.kl_loss_weight = as_schedule(kl_loss_weight)
        self.features_weight = None if features_weight == 0 else as_schedule(features_weight)
        self.cost = cost

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the terms."""
        of_cost = () if self.cost is None else (self.cost.name,)
        return ("reconstruction", *of_cost, *(() if self.features_weight is None else ("features",)))

    def samples(self, output: DiscreteVAEOutput, images_BCHW: Tensor) -> dict[str, Tensor]:
        """Return each term of each image, before any weight: [B] each.

        In training pixels have noise within their grey level where the loss needs it (see `logit_laplace_nll`).

        Args:
            output: Of the network.
            images_BCHW: `uint8`.
        """
        samples = {"reconstruction": self._reconstruction(output.outputs_BXHW, images_BCHW)}
        if self.cost is not None:
            samples[self.cost.name] = output.quantized.cost_B
        if self.features_weight is not None:
            assert output.decoded_BPD is not None, "a network that decodes features"
            assert output.features_BPD is not None, "a network that decodes features"
            difference_BPD = output.decoded_BPD.float() - output.features_BPD.float()
            samples["features"] = 0.5 * difference_BPD.square().sum(dim=(1, 2))
        return samples

    def forward(self, samples: Mapping[str, Tensor], step: int) -> LossReport:
        """Return the loss of a batch as it counts at training step `step`, from its `samples`."""
        return self.report(mean_of_batch(samples), step)

    def report(self, mean: Mapping[str, Tensor], step: int) -> LossReport:
        """Return the loss as it counts at training step `step`, from the means of the `samples` over any images."""
        nats = {name: mean[name] for name in self.names}
        weights = {"reconstruction": 1.0}
        if self.cost is not None:
            weights[self.cost.name] = self.kl_loss_weight(step) * self.cost.weight
        if self.features_weight is not None:
            weights["features"] = self.features_weight(step)
        contributions = {name: weights[name] * value for name, value in nats.items()}
        return LossReport.of(nats, contributions, weights)

    def _reconstruction(self, outputs_BXHW: Tensor, images_BCHW: Tensor) -> Tensor:
        if self.reconstruction == "gaussian":
            return gaussian_nll(outputs_BXHW, images_BCHW)
        if self.reconstruction == "huber":
            return huber(outputs_BXHW, images_BCHW)
        noise_BCHW = torch.rand(images_BCHW.shape, device=images_BCHW.device) if self.training else None
        return logit_laplace_nll(outputs_BXHW, images_BCHW, noise_BCHW)


def cost_of(quantizer: Quantizer) -> QuantizerCost | None:
    """Return what a quantizer adds to the loss; None for nothing."""
    return None if quantizer.cost_name is None else QuantizerCost(quantizer.cost_name, quantizer.cost_weight)
