"""Distributions of the next word, and words drawn from them.

Shape legend: N captions, V vocabulary.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def log_softmax(logits_NV: Array) -> Array:
    """Return log-probabilities of each row."""
    shifted_NV = logits_NV - logits_NV.max(axis=-1, keepdims=True)
    return np.asarray(shifted_NV - np.log(np.exp(shifted_NV).sum(axis=-1, keepdims=True)))


def highest(values_NX: Array, num: int) -> Array:
    """Return where the `num` highest values of each row are, or all if they are fewer, falling."""
    num = min(num, values_NX.shape[1])
    found_NK = np.argpartition(-values_NX, num - 1, axis=1)[:, :num]
    found_NK.sort(axis=1)  # of equal values the first comes first
    order_NK = (-np.take_along_axis(values_NX, found_NK, axis=1)).argsort(axis=1, kind="stable")
    return np.take_along_axis(found_NK, order_NK, axis=1)


def filter_logits(
    logits_NV: Array, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Array:
    """Apply the temperature, then set to −∞ what is not among the likeliest `top_k`, or those that reach `top_p`."""
    logits_NV = np.asarray(logits_NV / np.float32(temperature))
    if top_k is not None:
        logits_NV = keep(logits_NV, highest(logits_NV, top_k))
    if top_p is not None:
        order_NV = highest(logits_NV, logits_NV.shape[1])
        p_NV = np.exp(log_softmax(np.take_along_axis(logits_NV, order_NV, axis=1)))
        beyond_NV = p_NV.cumsum(axis=1) - p_NV >= top_p
        likeliest = np.where(beyond_NV, order_NV[:, :1], order_NV)  # the first is always kept
        logits_NV = keep(logits_NV, likeliest)
    return logits_NV


def keep(logits_NV: Array, kept_NK: Array) -> Array:
    """Return the logits of these words, −∞ for all others."""
    left_NV = np.full_like(logits_NV, -np.inf)
    np.put_along_axis(left_NV, kept_NK, np.take_along_axis(logits_NV, kept_NK, axis=1), axis=1)
    return left_NV


def sample_words(logits_NV: Array, uniform_N: Array) -> Array:
    """Return for each row the first word at which the probability up to it exceeds a number in [0, 1): [N]."""
    cumulated_NV = np.exp(log_softmax(logits_NV)).cumsum(axis=1)
    total_N1 = cumulated_NV[:, -1:]
    below_N1 = np.nextafter(total_N1, np.zeros_like(total_N1))
    threshold_N1 = np.minimum(uniform_N[:, None] * total_N1, below_N1)
    return np.asarray((cumulated_NV <= threshold_N1).sum(axis=1))
