"""Text to image: what a model that draws offers, and how it does.

Contract: `Drawer`, a part of `CaptioningModule`. What a network has to offer for it is a `DrawingNetwork`.
"""

from lightning_modules.drawing.code_drawer import CodeDrawer
from lightning_modules.drawing.drawer import Drawer
from lightning_modules.drawing.drawing_network import DrawingNetwork, draw_tokens
from lightning_modules.drawing.prompts import refuse_unknown_prompts
from lightning_modules.drawing.repeated import draw_each, generators_of_drawings

__all__ = [
    "CodeDrawer",
    "Drawer",
    "DrawingNetwork",
    "draw_each",
    "draw_tokens",
    "generators_of_drawings",
    "refuse_unknown_prompts",
]
