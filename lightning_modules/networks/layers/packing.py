"""Words of captions without padding, for layers that work on each word alone.

Shape legend: N captions, L tokens, W words of all captions one after the other, H width.
"""

from torch import Tensor


class Packing:
    """Brings words from one after the other (packed) to side by side (padded), and back.

    Args:
        is_word_NL: Where words are, and no padding; None where what comes is padded and stays so.
    """

    def __init__(self, is_word_NL: Tensor | None = None) -> None:
        self.is_word_NL = is_word_NL
        self._place_W = None if is_word_NL is None else is_word_NL.flatten().nonzero().squeeze(1)

    def pad(self, x_WH: Tensor) -> Tensor:
        """Return words side by side, `x_NLH`; 0 at padding."""
        if self.is_word_NL is None or self._place_W is None:
            return x_WH
        zeros = x_WH.new_zeros(self.is_word_NL.numel(), x_WH.shape[-1])
        return zeros.index_copy(0, self._place_W, x_WH).view(*self.is_word_NL.shape, -1)

    def pack(self, x_NLH: Tensor) -> Tensor:
        """Return words one after the other, `x_WH`."""
        return x_NLH if self._place_W is None else x_NLH.flatten(0, 1).index_select(0, self._place_W)


PADDED = Packing()
"""Leaves everything as it is."""
