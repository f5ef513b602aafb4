"""Encoders: an image becomes a grid of features.

Contract: `Encoder`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi: timm takes its time
