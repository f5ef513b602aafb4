"""How the Penn Treebank spells tokens: its quotes, brackets, dashes, fractions and currencies."""

import re

_AMPERSAND = re.compile("&amp;", re.IGNORECASE)
_QUOTES = str.maketrans(
    dict.fromkeys("\x91‘‛‹", "`")
    | dict.fromkeys("\x92’›", "'")
    | dict.fromkeys("\x93“«", "``")
    | dict.fromkeys('\x94”»"', "''")
)
_BRACKETS = {"(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-"}
_PARENTHESES = str.maketrans({"(": "-LRB-", ")": "-RRB-"})
_SYMBOLS = (
    _BRACKETS
    | {"&lt;": "<", "&gt;": ">", "¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "¢": "cents", "£": "#"}
    | dict.fromkeys("\x80¤₠€", "$")
    | dict.fromkeys(["\x96", "\x97", "–", "—", "―", "&md;", "&mdash;", "&ndash;", "---", "----"], "--")
    | dict.fromkeys("\x85…", "...")
)


def as_is(token: str) -> str:
    """Return what is written."""
    return token


def nothing(token: str) -> str:
    """Return an empty token."""
    return ""


def symbol(token: str) -> str:
    """Return the name of a bracket, the plain form of a symbol, or the symbol itself."""
    return _SYMBOLS.get(token.lower(), token)


def ellipsis(token: str) -> str:
    """Return three periods, however many there are and with whatever between them."""
    return "..."


def without_soft_hyphens(token: str) -> str:
    """Return a word without the hints where it may be broken; those alone are a hyphen."""
    return token.replace("\xad", "") or "-"


def with_plain_quotes(token: str) -> str:
    """Return straight single quotes, and double ones of two characters."""
    return token.replace("&apos;", "'").replace("&quot;", '"').translate(_QUOTES)


def with_plain_ampersands(token: str) -> str:
    """Return `&` for each such entity."""
    return _AMPERSAND.sub("&", token)


def without_spaces(token: str) -> str:
    """Return the token in one piece: with spaces that do not break."""
    return token.replace(" ", "\xa0")


def with_named_parentheses(token: str) -> str:
    """Return names for parentheses, and spaces that do not break."""
    return without_spaces(token).translate(_PARENTHESES)
