"""How like the originals reconstructed images are: PSNR and SSIM.

Shape legend: B images, C channels, H rows, W columns.
"""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from metrics.mean_over_images import MeanOverImages

WINDOW = 11  # pixels of SSIM's Gaussian window, whose standard deviation of 1.5 is torchmetrics' default


def psnr(reconstruction_BCHW: Tensor, originals_BCHW: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image in decibels: [B]; infinite for equal images.

    −10 log₁₀ of the mean squared difference of values in [0, 1].
    """
    ratio_B: Tensor = peak_signal_noise_ratio(
        reconstruction_BCHW, originals_BCHW, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )
    return ratio_B


def ssim(reconstruction_BCHW: Tensor, originals_BCHW: Tensor) -> Tensor:
    """Return the structural similarity of each image: [B], at most 1; the mean of its channels.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004), equation 13, over
    all places where the window lies within the image, of values in [0, 1].

    Raises:
        ValueError: The images are smaller than the window.
    """
    height, width = originals_BCHW.shape[-2:]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"SSIM needs images of at least {WINDOW}×{WINDOW} pixels, got {height}×{width}; use a larger "
            f"data.image_size, or leave the callback reconstruction_metrics out (~callbacks.reconstruction_metrics)"
        )
    _, everywhere_BCHW = structural_similarity_index_measure(
        reconstruction_BCHW, originals_BCHW, data_range=1.0, return_full_image=True
    )
    edge = WINDOW // 2  # where torchmetrics continues the images by mirroring them
    within_BCHW: Tensor = everywhere_BCHW[..., edge : height - edge, edge : width - edge]
    return within_BCHW.flatten(1).mean(dim=1)


class ReconstructionQuality(MeanOverImages):
    """PSNR and SSIM of reconstructed images, averaged over images; exact on any number of processes."""

    names = ("PSNR", "SSIM")

    def update(self, reconstruction_BCHW: Tensor, originals_BCHW: Tensor, image_ids: Tensor) -> None:
        """Add a batch of reconstructed images and their originals, values in [0, 1], with ids ([B], integer).

        Raises:
            ValueError: The three do not fit, or the images are smaller than SSIM's window.
        """
        if reconstruction_BCHW.shape != originals_BCHW.shape or len(image_ids) != len(originals_BCHW):
            raise ValueError(
                f"expected reconstructed and original images of one shape and an id for each, got "
                f"{tuple(reconstruction_BCHW.shape)}, {tuple(originals_BCHW.shape)} and {len(image_ids)} ids"
            )
        reconstruction_BCHW, originals_BCHW = reconstruction_BCHW.float(), originals_BCHW.float()
        values_BK = torch.stack(
            [psnr(reconstruction_BCHW, originals_BCHW), ssim(reconstruction_BCHW, originals_BCHW)], dim=1
        )
        self.add(image_ids, values_BK)
