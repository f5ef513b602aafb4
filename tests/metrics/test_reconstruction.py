"""PSNR and SSIM against their formulas, pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from metrics import ReconstructionQuality, psnr, ssim

C1, C2 = 0.01**2, 0.03**2


def _images(seed: int, size: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    originals_BCHW = torch.rand(3, 2, size, size + 3, generator=generator)
    noise_BCHW = torch.randn(originals_BCHW.shape, generator=generator)
    return (originals_BCHW + torch.tensor([0.02, 0.1, 0.5]).view(-1, 1, 1, 1) * noise_BCHW).clamp(0, 1), originals_BCHW


def _ssim_by_windows(one_HW: Tensor, other_HW: Tensor) -> float:
    """Return the mean over every 11 by 11 window within one channel (Wang et al. 2004, equation 13)."""
    falloff = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weight = np.outer(falloff, falloff) / falloff.sum() ** 2
    values = []
    for top in range(one_HW.shape[0] - 10):
        for left in range(one_HW.shape[1] - 10):
            x, y = (image_HW[top : top + 11, left : left + 11].double().numpy() for image_HW in (one_HW, other_HW))
            mean_x, mean_y = (weight * x).sum(), (weight * y).sum()
            var_x, var_y = (weight * (x - mean_x) ** 2).sum(), (weight * (y - mean_y) ** 2).sum()
            covariance = (weight * (x - mean_x) * (y - mean_y)).sum()
            alike = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
            values.append(alike / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)))
    return float(np.mean(values))


def test_psnr_of_each_image_by_its_formula() -> None:
    reconstruction_BCHW, originals_BCHW = _images(0)
    expected = [
        -10 * math.log10(((a - b) ** 2).mean()) for a, b in zip(reconstruction_BCHW, originals_BCHW, strict=True)
    ]
    assert psnr(reconstruction_BCHW, originals_BCHW).tolist() == pytest.approx(expected, rel=1e-5)
    tenth_off = torch.full((1, 3, 4, 4), 0.6), torch.full((1, 3, 4, 4), 0.5)
    assert psnr(*tenth_off).item() == pytest.approx(20, rel=1e-5)


@pytest.mark.parametrize("size", [11, 16])
def test_ssim_of_each_image_by_its_windows(size: int) -> None:
    reconstruction_BCHW, originals_BCHW = _images(1, size)
    expected = [
        sum(_ssim_by_windows(*channels) for channels in zip(a, b, strict=True)) / len(a)
        for a, b in zip(reconstruction_BCHW, originals_BCHW, strict=True)
    ]
    assert ssim(reconstruction_BCHW, originals_BCHW).tolist() == pytest.approx(expected, abs=1e-5)
    assert expected == sorted(expected, reverse=True)


def test_equal_images() -> None:
    originals_BCHW = _images(2)[1]
    assert psnr(originals_BCHW, originals_BCHW).isinf().all()
    assert ssim(originals_BCHW, originals_BCHW).tolist() == pytest.approx([1, 1, 1])


def test_the_metric_is_the_mean_over_distinct_images_whatever_their_batches() -> None:
    reconstruction_BCHW, originals_BCHW = _images(3)
    once, piecewise = ReconstructionQuality(), ReconstructionQuality()
    once.update(reconstruction_BCHW, originals_BCHW, torch.tensor([4, 2, 9]))
    for row, image_id in ((2, 9), (0, 4), (2, 9), (1, 2)):
        piecewise.update(reconstruction_BCHW[row : row + 1], originals_BCHW[row : row + 1], torch.tensor([image_id]))
    assert once.compute()["PSNR"].item() == pytest.approx(psnr(reconstruction_BCHW, originals_BCHW).mean().item())
    assert once.compute()["SSIM"].item() == pytest.approx(ssim(reconstruction_BCHW, originals_BCHW).mean().item())
    for name, value in piecewise.compute().items():
        assert value.item() == pytest.approx(once.compute()[name].item(), rel=1e-6)


def test_what_cannot_be_compared_is_refused() -> None:
    reconstruction_BCHW, originals_BCHW = _images(4)
    metric = ReconstructionQuality()
    with pytest.raises(
        ValueError, match=r"one shape and an id for each, got \(3, 2, 16, 19\), \(2, 2, 16, 19\) and 3 ids"
    ):
        metric.update(reconstruction_BCHW, originals_BCHW[:2], torch.arange(3))
    with pytest.raises(ValueError, match="and 2 ids"):
        metric.update(reconstruction_BCHW, originals_BCHW, torch.arange(2))
    with pytest.raises(ValueError, match=r"at least 11×11 pixels, got 8×19.*~callbacks\.reconstruction_metrics"):
        metric.update(reconstruction_BCHW[:, :, :8], originals_BCHW[:, :, :8], torch.arange(3))
