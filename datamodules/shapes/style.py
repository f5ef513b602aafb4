"""Which of the grammar's five styles a caption is of: what it claims, and what it leaves out, tells."""

from datamodules.shapes.claims import OBJECT_ATTRIBUTES, Claims, ObjectClaim
from datamodules.shapes.parser import parse

CLAIMED = {
    # attributes of every object, whether the background is described
    (("shape", "colour"), False): "terse",
    (("shape", "colour", "size"), True): "plain",
    (("shape", "colour", "size", "place"), False): "located",
    (("shape", "colour", "size", "place"), True): "wordy",
}


def style_of(caption: str) -> str | None:
    """Return the style of a caption (see `grammar.py`); None where it mixes styles or cannot be read."""
    claims = parse(caption)
    if claims is None:
        return None
    described = {_attributes(thing) for thing in claims.objects}
    if len(described) > 1:
        return None
    style = CLAIMED.get((described.pop(), any(claims.background)))
    if _relates(claims):
        return "relational" if style == "terse" else None
    return style


def _attributes(thing: ObjectClaim) -> tuple[str, ...]:
    return tuple(name for name in OBJECT_ATTRIBUTES if getattr(thing, name) is not None)


def _relates(claims: Claims) -> bool:
    """Return whether the caption tells how objects lie, or that there is but one, without any other word on it."""
    return bool(claims.relations) or (claims.num_objects is not None and not any(claims.background))
