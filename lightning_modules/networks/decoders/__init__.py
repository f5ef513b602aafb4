"""Decoders: the context becomes a sentence, word by word.

Contract: `Decoder`.
"""

from lightning_modules.networks.decoders.decoder import Decoder, PackedState
from lightning_modules.networks.decoders.recurrent import DecoderState, GRUDecoder, LSTMDecoder, RecurrentDecoder
from lightning_modules.networks.decoders.transformer import TransformerDecoder, TransformerState

__all__ = [
    "Decoder",
    "DecoderState",
    "GRUDecoder",
    "LSTMDecoder",
    "PackedState",
    "RecurrentDecoder",
    "TransformerDecoder",
    "TransformerState",
]
