"""Shape legend: N captions, M images or captions, L tokens, E embedding, X context, P places, D width of a place,
H hidden, W words of all captions one after the other.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor, nn

from lightning_modules.networks.layers.packing import Packing


class PackedState(NamedTuple):
    """A decoder's state as named tensors, each with a row for each caption.

    Attributes:
        fixed: Those that stay the same from word to word.
        carried: Those that each word changes.
        growing_axis: The axis of the carried ones that gets longer with each word; None where none does.
    """

    fixed: dict[str, Tensor]
    carried: dict[str, Tensor]
    growing_axis: int | None = None


class Decoder(nn.Module, ABC):
    """What every decoder offers.

    Its state has a method `select(rows)`, which returns the state of those captions, in that order; rows may repeat.
    The places of an image are kept once for all of its captions for as long as each image has equally many of them,
    side by side.

    Attributes:
        hidden_size: H.
        most_tokens: Tokens of a caption that it can read, prefix included; None for any number.
    """

    hidden_size: int
    most_tokens: int | None = None

    @abstractmethod
    def start(self, context_NX: Tensor, memory_MPD: Tensor) -> Any:
        """Return the state before the first word.

        The captions stand in the order of their images, equally many of each: caption n has places n // (N / M).
        """

    @abstractmethod
    def advance(self, words_NLE: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read L more embedded words; return `hidden_NLH` and the state to go on from.

        Reading many words at once (teacher forcing) and one at a time (generation) are the same computation.
        """

    def read(self, words_WE: Tensor, is_read_NL: Tensor, state: Any) -> Tensor:
        """Read whole captions from the state before their first word, as `advance` does; return `hidden_WH`.

        A decoder that reads all words at once overrides it, to spend nothing on padding.

        Args:
            words_WE: The embedded words, without padding.
            is_read_NL: Where these are in the captions: of each some from its beginning.
            state: What `start` returned.
        """
        packing = Packing(is_read_NL)
        hidden_NLH, _ = self.advance(packing.pad(words_WE), state)
        return packing.pack(hidden_NLH)

    def attention_weights(self, words_NLE: Tensor, state: Any) -> Tensor | None:
        """Read L more embedded words as `advance` does; return how the image's places are weighed, `weights_NLP`.

        Row l is of the look before the word after l; each has the sum 1. None for a decoder that looks at no places.
        """
        return None

    def pack_state(self, state: Any) -> PackedState:
        """Return a state as tensors, for a program outside of PyTorch; the memory has a row for each caption, too.

        Raises:
            ValueError: The decoder does not say what its state is made of.
        """
        raise ValueError(f"{type(self).__name__} cannot be exported: it has no `pack_state` (see `Decoder`)")

    def unpack_state(self, packed: PackedState) -> Any:
        """Return the state that `pack_state` returned the tensors of."""
        raise ValueError(f"{type(self).__name__} cannot be exported: it has no `unpack_state` (see `Decoder`)")
