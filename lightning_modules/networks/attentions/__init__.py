"""Attentions: a decoder's look at the places of the image.

Contract: `remember(places_NPD)` prepares an image once; `forward(hidden_NLH, memory_NPH)` returns `hidden_NLH`.
"""

from lightning_modules.networks.attentions.luong import LuongAttention

__all__ = ["LuongAttention"]
