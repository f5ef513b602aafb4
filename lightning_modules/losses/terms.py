"""The terms of the loss as pure functions: nats of each sample, summed over its elements.

Shape legend: N captions, L tokens, W words of all captions, V vocabulary, Z latent dimensions.
"""

import math
from functools import partial
from typing import NamedTuple

from torch import Tensor, segment_reduce
from torch.nn.functional import interpolate

UNIT_SCALE = 1 / math.sqrt(2 * math.pi)  # the normal distribution with this scale has density 1 at its mean


class CaptionNats(NamedTuple):
    """−log p(w | S, C) of each caption in nats, summed over its words.

    Attributes:
        caption_N: With the words as they are.
        smoothed_N: With smoothed labels, which the optimizer minimises; the same tensor without smoothing.
    """

    caption_N: Tensor
    smoothed_N: Tensor


def caption_cross_entropy(
    logits_WV: Tensor, targets_NL: Tensor, *, pad_id: int, label_smoothing: float = 0.0
) -> CaptionNats:
    """Return −log p(w | S, C) of each caption; padding counts nothing.

    Args:
        logits_WV: The word distributions of the captions, one after the other, without padding.
        targets_NL: The captions, padded.
        pad_id: The padding.
        label_smoothing: ε: each word counts 1 − ε, and every word of the vocabulary ε / V beside (Szegedy et al. 2016,
            section 7).
    """
    is_word_NL = targets_NL != pad_id
    log_p_WV = logits_WV.float().log_softmax(dim=-1)
    word_W = -log_p_WV.gather(1, targets_NL[is_word_NL].unsqueeze(1)).squeeze(1)
    sum_of_caption = partial(segment_reduce, reduce="sum", lengths=is_word_NL.sum(dim=1), unsafe=True)  # lengths fit
    caption_N = sum_of_caption(word_W)
    if not label_smoothing:
        return CaptionNats(caption_N, caption_N)
    return CaptionNats(caption_N, sum_of_caption(word_W.lerp(-log_p_WV.mean(dim=1), label_smoothing)))


def reconstruction_nll(reconstructed: Tensor, images: Tensor, *, scale: float = UNIT_SCALE) -> Tensor:
    """Return −log p(I | ŵ) of each image in nats: [N], for a normal distribution around each reconstructed pixel.

    Σ ½ ((x − x̂) / scale)² + log(scale √(2π)) over all elements, values in [0, 1]. With the default scale the second
    part vanishes and an image reconstructed perfectly costs 0: π times the squared error.

    Args:
        reconstructed: [N, ...].
        images: [N, ...], the same shape.
        scale: Standard deviation of a pixel's value.
    """
    assert reconstructed.shape == images.shape, (reconstructed.shape, images.shape)
    squared_error_N = (reconstructed.float() - images.float()).square().flatten(1).sum(dim=1)
    elements = reconstructed[0].numel()
    return 0.5 * squared_error_N / scale**2 + elements * math.log(scale / UNIT_SCALE)


def free_bits(kl_Z: Tensor, nats: float) -> Tensor:
    """Return the KL as the optimizer should see it: a dimension costs at least `nats`, so below that it is free.

    Σ_z max(nats, KL_z) (Kingma et al. 2016, equation 15, with groups of one dimension): a scalar.

    Args:
        kl_Z: The KL of each dimension, its mean over the batch.
        nats: How many are free.
    """
    return kl_Z.clamp(min=nats).sum()


def to_unit_interval(images_BCHW: Tensor, size: int) -> Tensor:
    """Return `uint8` images as floats in [0, 1], averaged down to `size` by `size` pixels: what to reconstruct."""
    floats_BCHW = images_BCHW / 255
    if floats_BCHW.shape[-1] == size:
        return floats_BCHW
    return interpolate(floats_BCHW, size=(size, size), mode="area")
