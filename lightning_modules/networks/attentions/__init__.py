"""Attentions: a decoder's look at the places of the image.

Contract: `Attention`.
"""

from lightning_modules.networks.attentions.attention import (
    Attention,
    AttentionBuilder,
    attend,
    attention_weights,
    select_memory,
)
from lightning_modules.networks.attentions.luong import LuongAttention
from lightning_modules.networks.attentions.multi_head import MultiHeadAttention

__all__ = [
    "Attention",
    "AttentionBuilder",
    "LuongAttention",
    "MultiHeadAttention",
    "attend",
    "attention_weights",
    "select_memory",
]
