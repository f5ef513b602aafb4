"""What the style code does: captions in many styles, and along single dimensions; of any model with latents."""

from lightning_modules.exploration.styles import generate_in_styles
from lightning_modules.exploration.traversal import busiest_dimensions, traverse

__all__ = ["busiest_dimensions", "generate_in_styles", "traverse"]
