"""The loss of the discrete VAE: its terms, weights and names."""

import pytest
import torch

from lightning_modules.losses import DiscreteVAELoss
from lightning_modules.losses.discrete_vae_loss import QuantizerCost, Reconstruction, cost_of
from lightning_modules.losses.pixel_terms import gaussian_nll, huber, logit_laplace_nll
from lightning_modules.networks.discrete_vae import DiscreteVAEOutput
from lightning_modules.networks.quantizers import (
    FiniteScalarQuantizer,
    GumbelQuantizer,
    Quantized,
    Quantizer,
    VectorQuantizer,
)
from lightning_modules.schedules import LinearWarmup

IMAGES_BCHW = torch.randint(256, (2, 3, 4, 4), dtype=torch.uint8)


def _output(channels: int = 3) -> DiscreteVAEOutput:
    quantized = Quantized(torch.randn(2, 4, 3), torch.zeros(2, 4).long(), torch.tensor([1.0, 3.0]))
    return DiscreteVAEOutput(quantized, torch.randn(2, channels, 4, 4))


def test_it_is_the_mean_of_the_images_weighed_as_at_the_step() -> None:
    loss = DiscreteVAELoss(
        kl_loss_weight=LinearWarmup(start=0.0, end=1.0, steps=4), cost=QuantizerCost("kl", 0.5)
    ).eval()
    output = _output()
    report = loss(loss.samples(output, IMAGES_BCHW), step=2)
    reconstruction = gaussian_nll(output.outputs_BXHW, IMAGES_BCHW).mean().item()
    assert {name: value.item() for name, value in report.nats.items()} == pytest.approx(
        {"reconstruction": reconstruction, "kl": 2.0}
    )
    assert report.weights == {"reconstruction": 1.0, "kl": 0.25}
    assert report.contributions["kl"].item() == pytest.approx(0.5)
    assert report.total.item() == pytest.approx(reconstruction + 0.5)
    assert loss.names == ("reconstruction", "kl")


def test_features_count_by_half_of_their_squared_error() -> None:
    features_BPD = torch.randn(2, 4, 5)
    output = _output()._replace(decoded_BPD=features_BPD + 2, features_BPD=features_BPD)
    loss = DiscreteVAELoss(features_weight=LinearWarmup(start=0.0, end=1.0, steps=4))
    assert loss.names == ("reconstruction", "features")
    report = loss(loss.samples(output, IMAGES_BCHW), step=1)
    assert report.nats["features"].item() == pytest.approx(0.5 * 4 * 4 * 5)
    assert report.weights["features"] == 0.25
    assert report.total.item() == pytest.approx(report.nats["reconstruction"].item() + 0.25 * 40)
    assert "features" not in DiscreteVAELoss().samples(output, IMAGES_BCHW)


@pytest.mark.parametrize(
    ("quantizer", "expected"),
    [
        (GumbelQuantizer(width=2, temperature=1.0, kl_weight=0.1), QuantizerCost("kl", 0.1)),
        (VectorQuantizer(width=2, commitment_weight=0.3), QuantizerCost("commitment", 0.3)),
        (FiniteScalarQuantizer(width=2, levels=[5, 5]), None),
    ],
)
def test_a_quantizer_brings_its_own_cost(quantizer: Quantizer, expected: QuantizerCost | None) -> None:
    assert cost_of(quantizer) == expected
    samples = DiscreteVAELoss(cost=expected).samples(_output(), IMAGES_BCHW)
    assert len(samples) == (1 if expected is None else 2)


@pytest.mark.parametrize("name", ["gaussian", "huber", "logit_laplace"])
def test_the_reconstruction_is_the_one_that_is_named(name: Reconstruction) -> None:
    output = _output(6 if name == "logit_laplace" else 3)
    expected = {"gaussian": gaussian_nll, "huber": huber, "logit_laplace": logit_laplace_nll}[name]
    loss = DiscreteVAELoss(reconstruction=name).eval()
    own_B, expected_B = loss.samples(output, IMAGES_BCHW)["reconstruction"], expected(output.outputs_BXHW, IMAGES_BCHW)
    assert torch.equal(own_B, expected_B)
    noisy_B = loss.train().samples(output, IMAGES_BCHW)["reconstruction"]
    assert torch.equal(noisy_B, expected_B) == (name != "logit_laplace")  # noise within the grey levels
