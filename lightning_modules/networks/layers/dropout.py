"""Dropout of single elements, whose mask is drawn quickly on a CPU, and of whole words.

Shape legend: N captions, L tokens, E embedding.
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from utils.require import require

STEPS = 256  # a random byte for each element


class Dropout(nn.Module):
    """Sets a share of the elements to zero in training, and scales up the others (Srivastava et al. 2014).

    PyTorch's own draws a floating-point number for each element, which on a CPU takes longer than the layers around
    it. There a byte is drawn for each instead, eight at a time, from a generator that PyTorch's seeds: the share is
    rounded to a multiple of 1/256.

    Args:
        p: The share.

    Raises:
        ValueError: It is not in [0, 1).
    """

    setting: ClassVar[str] = "dropout"
    """What users call it."""

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        require(0 <= p < 1, self.setting, "at least 0 and below 1", p)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return dropout(x, self.p)
        dropped = min(max(round(STEPS * self.p), 1), STEPS - 1)
        kept = random_bytes(x.numel()).view(x.shape) >= dropped
        return torch.mul(x, kept.to(x.dtype)).mul_(STEPS / (STEPS - dropped))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WordDropout(Dropout):
    """Hides words from the decoder in training: their vectors become zero, and the others stay as they are.

    The decoder then has to learn of the image and the codes what it can no longer read off the words before (Bowman et
    al. 2016, section 3.2, where a hidden word becomes the unknown one).

    Args:
        p: The share of the words.

    Raises:
        ValueError: It is not in [0, 1).
    """

    setting = "word_dropout"

    def forward(self, words_NLE: Tensor) -> Tensor:
        """Return the embedded words, [captions, words, width], some of them as zeros."""
        if not self.training or self.p == 0:
            return words_NLE
        seen_NL1 = torch.rand(*words_NLE.shape[:-1], 1, device=words_NLE.device) >= self.p
        return words_NLE * seen_NL1


def random_bytes(num: int) -> Tensor:
    """Draw numbers from 0 to 255: [num], `uint8`; they follow from PyTorch's random state, which moves on."""
    seed = int(torch.randint(2**62, ()))
    generator = np.random.Generator(np.random.SFC64(seed))
    words = generator.integers(0, 2**64 - 1, size=-(-num // 8), dtype=np.uint64, endpoint=True)
    return torch.from_numpy(words.view(np.uint8)[:num])
