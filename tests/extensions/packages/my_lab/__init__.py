"""A package of a user's own: a family of models in the fewest lines, an encoder, and a term of the loss."""

from my_lab.colour_captioner import ColourCaptioner
from my_lab.colour_encoder import ColourEncoder
from my_lab.short_captions import ShortCaptions

__all__ = ["ColourCaptioner", "ColourEncoder", "ShortCaptions"]
