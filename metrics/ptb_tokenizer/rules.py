"""The lexer's rules: what is one token, and how it is written.

They are matched against the caption as `characters.SHAPES` renders it. As in every lexer of this kind the rule that
matches most wins, and of equals the first; what has to follow a token counts, though it is no part of the token.
So the alternatives within a pattern stand in such an order that the first to match is the longest.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from metrics.ptb_tokenizer import abbreviations as abbr
from metrics.ptb_tokenizer import spelling

_LETTER, _DIGIT, _ALNUM = "[A-Za-zé]", "[0-9٠]", "[A-Za-zé0-9٠]"
_ENTITY = "&[aeiouAEIOU](?i:acute|grave|uml);"
_WORD_START = rf"(?:[A-Za-zé\u0301\xad]|{_ENTITY})"
_WORD_PART = rf"(?:[A-Za-zé0-9٠\u0301\xad]|{_ENTITY})"
_WORD = rf"{_WORD_START}{_WORD_PART}*(?:[.!?]{_WORD_START}{_WORD_PART}*)*"
_SPACE = "[ \t\xa0\u2003]"
_BREAK = "[ \t\xa0\u2003\n\r\x0b\x0c\x85\u2028]"
_SEPARATOR = "[,;:、]"
_NUMBER = rf"(?:{_DIGIT}+(?:[.:,\xad\u066b]{_DIGIT}+)*|(?:[.:,\xad\u066b]{_DIGIT}+)+)"
_AMPERSAND = "(?:&(?i:amp);|&)"

_APOSTROPHE = "(?:['’]|&(?i:apos);)"
_LIKE_APOSTROPHE = "(?:['’‘`]|&(?i:apos);)"
_CLITIC = f"{_APOSTROPHE}(?i:[msd]|re|ve|ll)"
_NOT = f"(?i:n){_LIKE_APOSTROPHE}(?i:t)"
_APOSTROPHE_WORDS = (
    f"{_APOSTROPHE}(?:(?i:n){_APOSTROPHE}?|(?i:em|till?|cause)|[2-9]0(?i:s))",
    f"[lLdDjJ]{_APOSTROPHE}",
    f"(?i:dunkin|somethin|ol){_APOSTROPHE}",
    f"[A-HJ-XZn]{_LIKE_APOSTROPHE}{_LETTER}{{2,}}",
    f"{_LETTER}+[aeiouyAEIOUY]{_LIKE_APOSTROPHE}[aeiouA-Z]{_LETTER}*",
    f"(?i:o{_LIKE_APOSTROPHE}o)",
    r"(?i:cont'd\.?|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l)",
)

_PARTICLE = f"(?:[dDoOlL]{_LIKE_APOSTROPHE}{_ALNUM})?"  # d'Artagnan
_COMPOUND = f"{_PARTICLE}{_ALNUM}+(?:[-_‐]{_PARTICLE}{_ALNUM}+)*"
_HYPHENATED = rf"[A-Za-z0-9][A-Za-z0-9.,\xad]*(?:-(?:{abbr.ACRONYM}\.|[A-Za-z0-9\xad]+))+"
_ALTERNATIVE = "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_JOINED_CAPITALS = "[A-Z]+(?:(?:&(?i:amp);|[+&])[A-Z]+)+"
_EXTENSION = (
    "(?i:bat|bmp|class|cgi|cpp|c|dll|docx|doc|exe|gif|gz|html|htm|h|jar|java|jpeg|jpg|mov|mp3|pdf|php|pl|png|ppt|ps|py|"
    "sql|tar|txt|wav|xml|x|zip)"
)
_FILE_NAME = rf"{_WORD_PART}+(?:\.{_WORD_PART}+)*\.{_EXTENSION}"

_NAME = r"[A-Za-z][A-Za-z0-9:._\-]*"
_TAG = (
    rf"<(?:[!?][A-Za-z\-][^>\r\n]*|/{_NAME} *"
    rf"""|{_NAME}(?: +{_NAME}(?: *= *(?:'[^']*'|"[^"]*"))?)* */? *)>"""
)
_PATH = r"""/[^ \t\n\f\r"<>|()]+[^ \t\n\f\r"<>|.!?(){},\-]"""
_HOSTS = (
    r"""(?i:www)\.(?:[^ \t\n\f\r"<>|.!?(){},]+\.)+[A-Za-z]{2,4}""",
    r"""(?:[^ \t\n\f\r"`'<>|.!?(){},-_$]+\.)+(?i:com|net|org|edu)""",  # from "," to "_", as the lexer has it
)
_URL = r"""(?i:https?)://[^ \t\n\f\r"<>|(){}]+[^ \t\n\f\r"<>|.!?(){},\-]"""
_MAIL_PART = r"""[^ \t\n\f\r"<>|(){}.\xa0]+"""
_MAIL = rf"""(?:(?i:&lt;)|<)?[A-Za-z0-9][^ \t\n\f\r"<>|(){{}}\xa0]*@(?:{_MAIL_PART}\.)*{_MAIL_PART}(?:(?i:&gt;)|>)?"""

_SMILEY = r"[<>]?[:;=][\-o*']?[()DPdpO\\{@|\[\]]"
_EASTERN_SMILEY = r"[\-\^x=~<>']_[\-\^x=~<>']|\((?:[\-\^x=~<>'][_.]?[\-\^x=~<>']|[\^x=~<>']-[\^x=~<>'`])\)"
_FRACTION = rf"(?:{_DIGIT}{{1,4}}[- \xa0])?{_DIGIT}{{1,4}}(?:\\?/|⁄){_DIGIT}{{1,4}}"
_TELEPHONE_NUMBERS = (
    r"(?:\([0-9]{2,3}\)[ \xa0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \xa0])?[0-9]{2,4}[- \xa0])[0-9]{3,4}[- \xa0]?[0-9]{3,5}",
    r"(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}",
)


class Rule(NamedTuple):
    """What a token looks like, and how it is written.

    Its characters and all that has to follow them match `pattern`, the token itself the pattern's only group.
    """

    starts: str  # what a token may start with, as characters of a class; empty: anything
    pattern: re.Pattern[str]
    write: Callable[[str], str]


def _rule(starts: str, token: str, write: Callable[[str], str] = spelling.as_is, *, before: str = "") -> Rule:
    return Rule(starts, re.compile(f"({token}){before}", re.ASCII | re.DOTALL), write)


_L, _D, _W, _A = "A-Za-zé", "0-9٠", r"A-Za-zé\u0301\xad&", "'’&"  # letters, digits, words, apostrophes

RULES = (
    # two words written as one: cannot, 'twas, gonna, gotta, lemme
    _rule("Cc", "(?i:can)", before="(?i:not)"),
    _rule("'", "'(?i:t)", before="(?i:was|is)"),
    _rule("GWgw", "(?i:gon|wan)", before="(?i:na)"),
    _rule("Gg", "(?i:got)", before="(?i:ta)"),
    _rule("GLgl", "(?i:gim|lem)", before="(?i:me)"),
    # markup
    _rule("<", _TAG, spelling.without_spaces),
    _rule("&–", "&(?i:md|mdash|ndash);|–", spelling.symbol),
    _rule("&", "(?i:&amp;)", spelling.with_plain_ampersands),
    _rule("&", "&(?:(?i:HT|TL|UR|LR|QC|QL|QR|odq|cdq)|#[0-9]+);"),
    _rule("&", "(?i:&nbsp;)", spelling.nothing),
    _rule("\t \xa0\u2003", f"{_SPACE}+", spelling.nothing),
    # words: c++; dog, man.The; "dog" of dog's, "do" of don't; o'clock, y'
    _rule("CFcf", r"(?i:c\+\+|[cf]\#)"),
    _rule(_W, _WORD, spelling.without_soft_hyphens, before=_CLITIC),
    _rule(_W, r"[A-Za-z\xad]*[A-MO-Za-mo-z]\xad*", spelling.without_soft_hyphens, before=_NOT),
    _rule(_W, _WORD, spelling.without_soft_hyphens),
    *(_rule(_L + _A, words) for words in _APOSTROPHE_WORDS),
    _rule("Yy", f"(?i:y){_APOSTROPHE}", before=_LETTER),
    # addresses
    _rule("Hh", _URL),
    *(_rule("", host + path) for host in _HOSTS for path in ("", _PATH)),
    _rule("A-Za-z0-9<&", _MAIL),
    _rule("@", "@[A-Za-z_][A-Za-z0-9_]*"),
    _rule("#", f"#{_WORD_START}+"),
    # what follows a word: 's, n't
    _rule(_A, _CLITIC, spelling.with_plain_quotes, before="[^A-Za-z]"),
    _rule("Nn", _NOT, spelling.with_plain_quotes, before="[^A-Za-z]"),
    # numbers
    _rule(_D, f"{_DIGIT}{{1,2}}[-/]{_DIGIT}{{1,2}}[-/]{_DIGIT}{{2,4}}"),
    _rule("", rf"[-+]?{_NUMBER}", spelling.without_soft_hyphens),
    _rule("⁺²₂", "⁺?(?:²+|₂+)"),
    _rule(_D, _FRACTION, spelling.without_spaces),
    _rule("½¢", "[½¢]", spelling.symbol),
    # words of their own kind: -LRB-, pro-, Cap'n, S&P-500, and/or, US$
    _rule("-", "-(?i:[LR][RCS]B)-"),
    _rule("ACPacp", rf"(?i:C\.D\.s|pro-|anti-|Cap{_APOSTROPHE}n|c{_APOSTROPHE}est)", spelling.with_plain_ampersands),
    _rule("Ss", f"(?i:S){_AMPERSAND}(?i:P-500|Ls)", spelling.with_plain_ampersands),
    _rule("A-Za-z0-9", rf"{_ALTERNATIVE}(?:\\?/{_ALTERNATIVE}){{1,2}}"),
    _rule("A-Z$#", r"[A-Z]*\$|\#"),
    # abbreviations: plan "B" . The; No. 5; Co. Ltd; etc. and; Mr. (with or without its period); '90; notes.txt
    _rule("A-Za-z", "[A-Za-z]", before=rf"\.{_BREAK}+(?:{abbr.OPENERS}|{_TAG}){_BREAK}"),
    _rule("A-Za-z", rf"{abbr.BEFORE_A_NUMBER}\.", before=f"{_BREAK}?{_DIGIT}"),
    _rule("CPcp", r"(?:(?i:pt)[eyEY]|(?i:co))\.", before=f"{_SPACE}(?i:ltd|lim)"),
    _rule("A-Za-z", rf"{abbr.MAY_END_A_SENTENCE}\.", before=".."),
    _rule("A-Za-z", rf"{abbr.GOES_ON}\."),
    _rule("A-Za-z", abbr.GOES_ON, before=_SPACE),
    _rule("A-Za-z", abbr.LETTERS, before=_BREAK),
    _rule(_A, f"{_APOSTROPHE}[0-9][0-9]", before=_BREAK),
    _rule(_W + _D, _FILE_NAME, before=rf"(?:{_BREAK}|[.?!,])"),
    _rule(_W, rf"{_WORD}\.", spelling.without_soft_hyphens, before=_SEPARATOR),
    # symbols
    *(_rule("(+0-9", number, spelling.with_named_parentheses) for number in _TELEPHONE_NUMBERS),
    _rule('"&', '"|(?i:&quot;)', spelling.with_plain_quotes),
    _rule("<>&", "[<>]|(?i:&lt;|&gt;)", spelling.symbol),
    _rule("<>:;=", _SMILEY, spelling.with_named_parentheses, before="[^A-Za-z0-9]"),
    _rule("", _EASTERN_SMILEY, spelling.with_named_parentheses),
    _rule("()[\\]{}-", r"[()\[\]{}]|-+", spelling.symbol),
    _rule(".…\x85", r"\.{3,5}|(?:\.[ \xa0]){2,4}\.|[…\x85]", spelling.ellipsis),
    _rule("", r"@+|\#+|_+|\*+|(?:\\\*){1,3}|[,;:、.=/]|[?!]+"),
    # words with hyphens and digits: t-shirt, 1.5-inch; 4x4; AT&T
    *(
        rule
        for starts, token, write in (
            ("A-Za-z0-9", _HYPHENATED, spelling.without_soft_hyphens),
            (_L + _D, _COMPOUND, spelling.as_is),
            ("A-Z", _JOINED_CAPITALS, spelling.with_plain_ampersands),
        )
        for rule in (_rule(starts, rf"{token}\.", write, before=_SEPARATOR), _rule(starts, token, write))
    ),
    # quotes, and the rest: an apostrophe opens a quote rather than ends a word if two characters follow
    _rule("'", "'", before=r"[A-Za-z][^ \t\n\r\xa0]"),
    _rule(_A, _CLITIC, spelling.with_plain_quotes),
    _rule("Nn", _NOT, spelling.with_plain_quotes),
    _rule("", f"[`‘’“]{{1,2}}|''|{_APOSTROPHE}", spelling.with_plain_quotes),
    _rule("", r"<<|>>|[+%&~^|\\⁺⁄]"),
)


@cache
def rules_for(first: str) -> tuple[Rule, ...]:
    """Return the rules of the tokens that may start with a character, in their order."""
    return tuple(rule for rule in RULES if not rule.starts or re.match(f"[{rule.starts}]", first))
