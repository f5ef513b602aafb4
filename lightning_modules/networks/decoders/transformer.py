"""A transformer decoder that keeps the keys and values of the words it has read.

Shape legend: N captions, M images or captions, L tokens, T tokens read so far, E embedding, X context, P places,
D width of a place, H hidden, K heads, h width of a head, W words of all captions one after the other.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions import Attention, AttentionBuilder, select_memory
from lightning_modules.networks.decoders.decoder import Decoder, PackedState
from lightning_modules.networks.layers.dropout import Dropout, WordDropout
from lightning_modules.networks.layers.packing import PADDED, Packing
from lightning_modules.networks.layers.transformer_layer import TransformerLayer


class TransformerState(NamedTuple):
    """What the decoder carries from one word to the next.

    Attributes:
        context_N1H: The context as it is added to every word.
        read_NKThh: Of each layer, keys and values (side by side) of the words read so far.
        memories_M: Of each layer, the images' places as it looks at them; empty without attention.
    """

    context_N1H: Tensor
    read_NKThh: tuple[Tensor, ...]
    memories_M: tuple[Tensor, ...]

    def select(self, rows: Tensor) -> Self:
        """Return the state of the captions in `rows`, in that order; rows may repeat (as beams do)."""
        memories_M = self.memories_M
        if memories_M:
            kept_M = select_memory(rows, len(self.context_N1H), len(memories_M[0]))
            memories_M = (
                memories_M if kept_M is None else tuple(memory_M.index_select(0, kept_M) for memory_M in memories_M)
            )
        return type(self)(self.context_N1H[rows], tuple(read[rows] for read in self.read_NKThh), memories_M)


class TransformerDecoder(Decoder):
    """A stack of transformer layers over word embeddings, to each of which position and context are added.

    Vaswani et al. 2017, with learned positions.

    Args:
        embedding_dim: Width E of the words.
        context_dim: Width X of the context.
        attention: Makes the look at the image's places, one for each layer; None to know it by the context alone.
        hidden_size: Width H of every layer.
        num_layers: Layers.
        num_heads: Heads of each layer's self-attention; they share the width.
        feedforward_size: Width of the hidden layer of each feedforward network.
        dropout: Share of the words as they enter, and of what each layer adds, that is set to zero in training.
        word_dropout: Share of the words that are hidden in training.
        num_positions: Most tokens of a caption, prefix included.

    Raises:
        ValueError: The heads cannot share the width equally.
    """

    def __init__(
        self,
        *,
        embedding_dim: int,
        context_dim: int,
        attention: AttentionBuilder | None = None,
        hidden_size: int = 256,
        num_layers: int = 3,
        num_heads: int = 4,
        feedforward_size: int = 1024,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        num_positions: int = 64,
    ) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(f"model.decoder.num_heads must divide hidden_size={hidden_size}, got {num_heads}")
        self.hidden_size = hidden_size
        self.most_tokens = num_positions
        self.num_heads = num_heads
        self.word_dropout = WordDropout(word_dropout)
        self.input_projection = nn.Identity() if embedding_dim == hidden_size else nn.Linear(embedding_dim, hidden_size)
        self.position_LH = nn.Parameter(0.02 * torch.randn(num_positions, hidden_size))
        self.context_projection = nn.Linear(context_dim, hidden_size)
        self.layers = nn.ModuleList(
            TransformerLayer(
                hidden_size=hidden_size,
                num_heads=num_heads,
                feedforward_size=feedforward_size,
                dropout=dropout,
                cross_attention=None if attention is None else attention(),
            )
            for _ in range(num_layers)
        )
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(hidden_size)

    def start(self, context_NX: Tensor, memory_MPD: Tensor) -> TransformerState:
        """Return the state before the first word."""
        context_N1H = self.context_projection(context_NX).unsqueeze(1)
        nothing_NKThh = context_N1H.new_zeros(
            context_NX.shape[0], self.num_heads, 0, 2 * self.hidden_size // self.num_heads
        )
        cross_attentions = [
            layer.cross_attention for layer in self.layers if isinstance(layer.cross_attention, Attention)
        ]
        memories_M = tuple(cross_attention.project_memory(memory_MPD) for cross_attention in cross_attentions)
        return TransformerState(context_N1H, (nothing_NKThh,) * len(self.layers), memories_M)

    def advance(self, words_NLE: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Read L more words; return the hidden state after each, and the state to go on from.

        Raises:
            ValueError: The captions have more tokens than there are positions.
        """
        x_NLH = self._embed(words_NLE, state, words_NLE.shape[1])
        read_NKThh = []
        for layer, before, memory_M in self._layers(state):
            x_NLH, after = layer(x_NLH, before, memory_M)
            read_NKThh.append(after)
        return self.norm(x_NLH), state._replace(read_NKThh=tuple(read_NKThh))

    def read(self, words_WE: Tensor, is_read_NL: Tensor, state: TransformerState) -> Tensor:
        """Read whole captions; only attention sees padding, all else works on the words one after the other."""
        packing = Packing(is_read_NL)
        x_WH = self._embed(words_WE, state, is_read_NL.shape[1], packing)
        for layer, before, memory_M in self._layers(state):
            x_WH, _ = layer(x_WH, before, memory_M, packing=packing)
        read_WH: Tensor = self.norm(x_WH)
        return read_WH

    def attention_weights(self, words_NLE: Tensor, state: TransformerState) -> Tensor | None:
        """Return the mean of the layers' weights, each of which is that of its heads."""
        if not state.memories_M:
            return None
        x_NLH, weights = self._embed(words_NLE, state, words_NLE.shape[1]), []
        for layer, before, memory_M in self._layers(state):
            weights.append(layer.attention_weights(x_NLH, before, memory_M))
            x_NLH, _ = layer(x_NLH, before, memory_M)
        return torch.stack(weights).mean(dim=0)

    def pack_state(self, state: TransformerState) -> PackedState:
        memories = {f"memory_{number}": memory_M for number, memory_M in enumerate(state.memories_M)}
        read = {f"read_{number}": read_NKThh for number, read_NKThh in enumerate(state.read_NKThh)}
        return PackedState({"context": state.context_N1H, **memories}, read, growing_axis=2)

    def unpack_state(self, packed: PackedState) -> TransformerState:
        context_N1H, *memories_M = packed.fixed.values()
        return TransformerState(context_N1H, tuple(packed.carried.values()), tuple(memories_M))

    def _embed(self, words_NLE: Tensor, state: TransformerState, num_words: int, packing: Packing = PADDED) -> Tensor:
        """Return L (`num_words`) more words as the first layer reads them: `x_NLH`, or `x_WH` with a packing."""
        start = state.read_NKThh[0].shape[2]
        end = start + num_words
        if end > len(self.position_LH):
            raise ValueError(
                f"model.decoder.num_positions={len(self.position_LH)} is too few for captions of {end} tokens; "
                f"raise it and train again, or lower generation.max_length or tokenizer.max_length"
            )
        position_NLH = self.position_LH[start:end].expand(state.context_N1H.shape[0], -1, -1)
        context_NLH = state.context_N1H.expand(-1, num_words, -1)
        embedded_NLH = self.input_projection(self.word_dropout(words_NLE))
        return self.dropout(embedded_NLH + packing.pack(position_NLH) + packing.pack(context_NLH))

    def _layers(self, state: TransformerState) -> Iterator[tuple[Any, Tensor, Tensor | None]]:
        """Yield each layer, what it has read, and the image's places as it looks at them."""
        memories_M = state.memories_M or (None,) * len(self.layers)
        return zip(self.layers, state.read_NKThh, memories_M, strict=True)
