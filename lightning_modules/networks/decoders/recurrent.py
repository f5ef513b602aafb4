"""Recurrent decoders, with attention over the image's features as an option.

Shape legend: N captions, M images or captions, L tokens, E embedding, X context, P places, D width of a place,
H hidden, R layers.
"""

from abc import abstractmethod
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions import AttentionBuilder, select_memory
from lightning_modules.networks.decoders.decoder import Decoder, PackedState
from lightning_modules.networks.layers.dropout import Dropout, WordDropout


class DecoderState(NamedTuple):
    """What the decoder carries from one word to the next.

    Attributes:
        recurrent: The recurrent network's own state, [R, N, H] each: one tensor for a GRU, two for an LSTM.
        context_N1E: The context as it is added to every word.
        memory_M: The images' places as attention reads them; None without attention.
    """

    recurrent: tuple[Tensor, ...]
    context_N1E: Tensor
    memory_M: Tensor | None

    def select(self, rows: Tensor) -> Self:
        """Return the state of the captions in `rows`, in that order; rows may repeat (as beams do)."""
        memory_M = self.memory_M
        if memory_M is not None:
            kept_M = select_memory(rows, len(self.context_N1E), len(memory_M))
            memory_M = memory_M if kept_M is None else memory_M[kept_M]
        return type(self)(tuple(part[:, rows] for part in self.recurrent), self.context_N1E[rows], memory_M)


class RecurrentDecoder(Decoder):
    """A recurrent network over word embeddings that starts from the context and reads it again at every word.

    Args:
        embedding_dim: Width E of the words.
        context_dim: Width X of the context.
        attention: Makes the look at the image's places after each word; None to know the image by the context alone.
        hidden_size: Width H of the state.
        num_layers: Layers R.
        dropout: Share of the words as they enter, and of the states as they leave, that is set to zero in training
            (Zaremba et al. 2014).
        word_dropout: Share of the words that are hidden in training.
    """

    network: ClassVar[type[nn.GRU] | type[nn.LSTM]]
    num_states: ClassVar[int]
    """Tensors in the network's state."""

    def __init__(
        self,
        *,
        embedding_dim: int,
        context_dim: int,
        attention: AttentionBuilder | None = None,
        hidden_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        built = None if attention is None else attention()  # first, as ever: a seed draws the same parameters
        self.hidden_size = hidden_size
        self.dropout = Dropout(dropout)
        self.word_dropout = WordDropout(word_dropout)
        self.recurrence = self.network(embedding_dim, hidden_size, num_layers, batch_first=True)
        self.context_projection = nn.Linear(context_dim, embedding_dim)
        self.initial = nn.Linear(context_dim, self.num_states * num_layers * hidden_size)
        self.attention = built

    def start(self, context_NX: Tensor, memory_MPD: Tensor) -> DecoderState:
        """Return the state before the first word."""
        shape = (self.num_states, self.recurrence.num_layers, self.hidden_size)
        initial_SRNH = torch.tanh(self.initial(context_NX)).unflatten(-1, shape).movedim(0, -2)
        memory_M = None if self.attention is None else self.attention.project_memory(memory_MPD)
        context_N1E = self.context_projection(context_NX).unsqueeze(1)
        return DecoderState(tuple(part.contiguous() for part in initial_SRNH), context_N1E, memory_M)

    def advance(self, words_NLE: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Read L more words; return the hidden state after each, and the state to go on from."""
        hidden_NLH, recurrent = self._read(words_NLE, state)
        if self.attention is not None:
            hidden_NLH = self.attention(hidden_NLH, state.memory_M)
        return hidden_NLH, state._replace(recurrent=recurrent)

    def attention_weights(self, words_NLE: Tensor, state: DecoderState) -> Tensor | None:
        if self.attention is None or state.memory_M is None:
            return None
        hidden_NLH, _ = self._read(words_NLE, state)
        return self.attention.weights(hidden_NLH, state.memory_M)

    def pack_state(self, state: DecoderState) -> PackedState:
        memory = {} if state.memory_M is None else {"memory": state.memory_M}
        recurrent = {f"recurrent_{number}": part.movedim(1, 0) for number, part in enumerate(state.recurrent)}
        return PackedState({"context": state.context_N1E, **memory}, recurrent)

    def unpack_state(self, packed: PackedState) -> DecoderState:
        recurrent = tuple(part.movedim(0, 1).contiguous() for part in packed.carried.values())
        return DecoderState(recurrent, packed.fixed["context"], packed.fixed.get("memory"))

    def _read(self, words_NLE: Tensor, state: DecoderState) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Read L more words; return the state after each as attention takes it, and the recurrent network's last."""
        inputs_NLE = self.dropout(self.word_dropout(words_NLE)) + state.context_N1E
        hidden_NLH, recurrent = self._recur(inputs_NLE, state.recurrent)
        return self.dropout(hidden_NLH), recurrent

    @abstractmethod
    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrent network over L inputs from a state; return its outputs and its last state."""


class GRUDecoder(RecurrentDecoder):
    """Gated recurrent units (Cho et al. 2014)."""

    network = nn.GRU
    num_states = 1

    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden_NLH, state = self.recurrence(inputs_NLE, recurrent[0])
        return hidden_NLH, (state,)


class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory (Hochreiter and Schmidhuber 1997)."""

    network = nn.LSTM
    num_states = 2

    def _recur(self, inputs_NLE: Tensor, recurrent: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.recurrence(inputs_NLE, recurrent)
