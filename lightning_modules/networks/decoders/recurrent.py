"""Recurrent decoders, with attention over the image's features as an option.

Shape legend: N captions, L tokens, E embedding, X context, P places, D width of a place, H hidden, R layers.
"""

from abc import abstractmethod
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions import LuongAttention
from lightning_modules.networks.decoders.decoder import Decoder


class DecoderState(NamedTuple):
    """What the decoder carries from one word to the next.

    Attributes:
        recurrent: The recurrent network's own state, [R, N, H] each: one tensor for a GRU, two for an LSTM.
        context_N1E: The context as it is added to every word.
        memory_NPH: The image's places as attention reads them; None without attention.
    """

    recurrent: tuple[Tensor, ...]
    context_N1E: Tensor
    memory_NPH: Tensor | None

    def select(self, rows: Tensor) -> Self:
        """Return the state of the captions in `rows`, in that order; rows may repeat (as beams do)."""
        memory_NPH = None if self.memory_NPH is None else self.memory_NPH[rows]
        return type(self)(tuple(part[:, rows] for part in self.recurrent), self.context_N1E[rows], memory_NPH)


class RecurrentDecoder(Decoder):
    """A recurrent network over word embeddings that starts from the context and reads it again at every word.

    Args:
        recurrence: The recurrent network, batch first, over embeddings to each of which the context is added.
        num_states: Tensors in the recurrent network's state.
        context_dim: Width X of the context.
        attention: Looks at the image's places after each word; None to know the image by the context alone.
    """

    def __init__(
        self, *, recurrence: nn.GRU | nn.LSTM, num_states: int, context_dim: int, attention: LuongAttention | None
    ) -> None:
        super().__init__()
        self.hidden_size = recurrence.hidden_size
        self.num_states = num_states
        self.recurrence = recurrence
        self.add_to_words = nn.Linear(context_dim, recurrence.input_size)
        self.initial = nn.Linear(context_dim, num_states * recurrence.num_layers * self.hidden_size)
        self.attention = attention

    def start(self, context_NX: Tensor, places_NPD: Tensor) -> DecoderState:
        """Return the state before the first word."""
        shape = (self.num_states, self.recurrence.num_layers, self.hidden_size)
        initial_SRNH = torch.tanh(self.initial(context_NX)).unflatten(-1, shape).movedim(0, -2)
        memory_NPH = None if self.attention is None else self.attention.remember(places_NPD)
        context_N1E = self.add_to_words(context_NX).unsqueeze(1)
        return DecoderState(tuple(part.contiguous() for part in initial_SRNH), context_N1E, memory_NPH)

    def advance(self, words_NLE: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Read L more words; return the hidden state after each, and the state to go on from."""
        hidden_NLH, recurrent = self._recur(words_NLE + state.context_N1E, state.recurrent)
        if self.attention is not None:
            hidden_NLH = self.attention(hidden_NLH, state.memory_NPH)
        return hidden_NLH, state._replace(recurrent=recurrent)

    @abstractmethod
    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrent network over L inputs from a state; return its outputs and its last state."""


class GRUDecoder(RecurrentDecoder):
    """Gated recurrent units (Cho et al. 2014)."""

    def __init__(
        self,
        *,
        embedding_dim: int,
        context_dim: int,
        attention: LuongAttention | None = None,
        hidden_size: int = 256,
        num_layers: int = 1,
    ) -> None:
        super().__init__(
            recurrence=nn.GRU(embedding_dim, hidden_size, num_layers, batch_first=True),
            num_states=1,
            context_dim=context_dim,
            attention=attention,
        )

    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden_NLH, state = self.recurrence(inputs_NLE, recurrent[0])
        return hidden_NLH, (state,)


class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory (Hochreiter and Schmidhuber 1997)."""

    def __init__(
        self,
        *,
        embedding_dim: int,
        context_dim: int,
        attention: LuongAttention | None = None,
        hidden_size: int = 256,
        num_layers: int = 1,
    ) -> None:
        super().__init__(
            recurrence=nn.LSTM(embedding_dim, hidden_size, num_layers, batch_first=True),
            num_states=2,
            context_dim=context_dim,
            attention=attention,
        )

    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.recurrence(inputs_NLE, recurrent)
