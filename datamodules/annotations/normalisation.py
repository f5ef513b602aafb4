"""Captions as models are to read them: one line of characters that one can see."""

import html
import re
import unicodedata

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029]")  # line breaks, tabs, controls, byte order marks


def normalised(caption: str) -> str:
    """Return a caption without what nobody can see in it; letters of all scripts, quotes and emoji stay.

    - HTML entities, such as `&amp;` and `&#39;`, become the characters that they stand for; twice where they were
      written twice (`&amp;quot;`).
    - Line breaks, tabs and control characters become spaces.
    - Spaces of all kinds become one space each, and there is none at the ends.
    - Letters take Unicode's composed form (NFC).
    """
    if caption.isascii() and "&" not in caption and caption.isprintable() and "  " not in caption:
        return caption.strip()
    for _ in range(2):
        caption = ENTITY.sub(lambda entity: html.unescape(entity[0]), caption) if "&" in caption else caption
    return unicodedata.normalize("NFC", " ".join(UNSEEN.sub(" ", caption).split()))
