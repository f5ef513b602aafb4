"""What the rules see of a caption: one stand-in for each group of characters that they do not tell apart.

A stand-in for every letter keeps the rules' character classes small. ASCII stands for itself.
"""

_LETTER, _DIGIT, _MARK, _UNKNOWN = "é", "٠", "\u0301", "\x01"

_GROUPS = {
    _MARK: (  # what a word may hold beside letters: combining marks and the like
        "02C2-02C5 02D2-02DF 02E5-02EB 02ED 02EF-036F 0375 0378-0379 0384-0385 03F6 0483-0487 055A-055F 0591-05BD 05BF "
        "05C1-05C2 05C4-05C5 05C7 0615-061A 064B-065E 0670 06D6-06E4 06E7-06ED 06FD-06FE 070F 0711 0730-074C 07A6-07B0 "
        "07EB-07F3 0900-0903 093C 093E-094E 0951-0955 0962-0963 0981-0983 09BC 09BE-09C4 09C7-09C8 09CB-09CD 09D7 "
        "09E2-09E3 0A01-0A03 0A3C 0A3E-0A4F 0A81-0A83 0ABC 0ABE-0ACF 0B82 0BBE-0BC2 0BC6-0BC8 0BCA-0BCD 0C01-0C03 "
        "0C3E-0C56 0D3E-0D44 0D46-0D48 0E31 0E34-0E3A 0E47-0E4E 0EB1 0EB4-0EBC 0EC8-0ECD"
    ),
    "%": (  # symbols that stand alone
        "00A1 00A6-00A9 00AC 00AE-00B1 00B4 00B6-00B8 00BF 00D7 00F7 037E 0387 0589 05BE 05C0 05C3 05C6 05F3-05F4 "
        "0600-0603 0606-060A 060C 0614 061B 061E-061F 066A 066D 06D4 0700-070D 07F6-07F8 0964-0965 0E4F 1FBD 2016-2017 "
        "2020-2023 2030-2038 203B 203E-2042 207C-207E 208C-208E 2100-214F 2190-2BFF 3002 3012 30FB FF01-FF0F FF1A-FF20 "
        "FF3B-FF40 FF5B-FF65"
    ),
    "¢": "0080 00A2-00A5 060B 0E3F 20A0 20A4 20AC FFE0-FFE1 FFE5-FFE6",
    "½": "00BC-00BE 2153-215E",
    "²": "00B2-00B3 00B9 2070 2074-2079",
    "₂": "2080-2089",
    "⁺": "207A-207B 208A-208B",
    "‘": "0091 2018 201B",
    "’": "0092 2019",
    "“": "0093-0094 00AB 00BB 201A 201C-201F 2039-203A",
    "–": "0096-0097 2013-2015",
    "‐": "058A 2010-2011",
    "…": "2026",
    "\x85": "0085",  # an ellipsis of Windows and an end of line
    "⁄": "2044",
    "、": "3001",
    "\u066b": "066B-066C",  # the separators of Arabic numbers
    "\u2003": "2000-200A 3000",  # spaces
    "\u2028": "2028-2029",  # ends of lines
    "\xa0": "00A0",
    "\xad": "00AD",
}
"""Stand-ins and the ranges that they stand for; letters among them are letters."""


class _Shapes(dict[int, str]):
    """A table for `str.translate` that adds letters, digits and unknown characters as it meets them."""

    def __init__(self) -> None:
        super().__init__({code: chr(code) for code in range(128)})
        for shape, ranges in _GROUPS.items():
            for first, _, last in (part.partition("-") for part in ranges.split()):
                codes = range(int(first, 16), int(last or first, 16) + 1)
                self.update({code: shape for code in codes if not chr(code).isalpha()})

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code > 0xFFFF:  # Java has two halves of a surrogate pair here, neither of which the lexer knows
            shape = _UNKNOWN
        elif character.isalpha():
            shape = _LETTER
        else:
            shape = _DIGIT if character.isdecimal() else _UNKNOWN
        self[code] = shape
        return shape


SHAPES = _Shapes()
