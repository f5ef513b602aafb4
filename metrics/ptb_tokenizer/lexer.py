"""The tokens of a caption, as the Stanford tokenizer and coco-caption make them.

The convention is that of the Penn Treebank (Marcus, Santorini & Marcinkiewicz, "Building a Large Annotated Corpus of
English: The Penn Treebank", Computational Linguistics 1993). Published caption scores (BLEU, ROUGE-L, METEOR, CIDEr,
SPICE) are counted over the tokens of one implementation of it: `PTBTokenizer` of Stanford CoreNLP 3.4.1 with
`-preserveLines -lowerCase` and its default options (British spellings, `/` and `*` stay as they are; quotes, brackets,
dashes, ellipses, fractions and currencies are rewritten; characters that it does not know are deleted), of which
coco-caption (https://github.com/tylin/coco-caption, `pycocoevalcap/tokenizer/ptbtokenizer.py`) then drops punctuation.
This is an implementation of its own, checked against that program by `benchmarks/ptb_parity.py`.

Known to differ:

- There a caption ends where the next one begins, and a few rules look beyond it: with "The …" on the next line the
  last token of "plan B." is "b", with "5 …" that of "player no." is "no."; a quote left open in a tag runs on. Here
  nothing but the end of a line follows: "b.", "no". (The last caption of a run has not even that: "'90" is "90".)
- A character that ends a line for Java, but not for coco-caption (U+000B, U+000C, U+000D, U+2028, U+2029), moves all
  later captions of a run to a wrong image there. Here it is a space.
- The lexer's rules see a character outside of the Basic Multilingual Plane, such as an emoji, as two. It is deleted all
  the same, but in an address two may be enough where one is not.
- A letter and its accent are one character here (NFC); there e with U+0301 is another letter than é.
- Letters and digits that Unicode gained after version 6 are such here and unknown there; `ſ`, `ı` and `İ` are not taken
  for an s or i in abbreviations; a capital Σ at the end of a compound's part becomes ς, not σ.
- `^.[^x=`, which by an oversight starts a token there that goes on up to the next `<>]`, starts none.
"""

import re
import unicodedata
from functools import lru_cache

from metrics.ptb_tokenizer import abbreviations as abbr
from metrics.ptb_tokenizer.characters import SHAPES
from metrics.ptb_tokenizer.rules import rules_for

PUNCTUATION = ("''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";")
"""The tokens that coco-caption drops. Its list names brackets in capitals: they stay, as tokens are in lower case."""

_DROPPED = frozenset(PUNCTUATION) | {""}

# What nearly all captions consist of: words with 's and commas after them, lone marks, and a word with a period.
_PLAIN_WORD = r"(?![CGLWcglw](?i:annot|imme|onna|otta|emme|anna)[ ,.\n])[A-Za-zé]+(?:-[A-Za-zé]+)*"
_GAP = r"(?: +|(?=\n))"
_PLAIN_WORDS = re.compile(
    rf" *((?:{_PLAIN_WORD}(?:'s)?,?(?: +[,.](?=[ \n])(?! \.))*{_GAP})*)(?:({_PLAIN_WORD})\.(?! \.){_GAP})?"
)
_ABBREVIATION = re.compile(f"(?:{abbr.MAY_END_A_SENTENCE}|{abbr.GOES_ON}|{abbr.BEFORE_A_NUMBER})", re.ASCII)


@lru_cache(maxsize=1 << 16)
def ptb_tokenize(caption: str) -> tuple[str, ...]:
    """Return the tokens of a caption in lower case, without punctuation.

    They are those that coco-caption's `PTBTokenizer` joins with spaces. A token may hold no-break spaces ("1 1/2",
    telephone numbers): a metric that splits at any white space, as coco-caption's BLEU and CIDEr do, takes it apart.
    """
    caption = caption.replace("\n", " ").rstrip(" ")
    if not caption.isascii():
        caption = unicodedata.normalize("NFC", caption)
    shape = caption if caption.isascii() else caption.translate(SHAPES)
    shape += "\n\n"  # the end of the line, and as much as the rules want to see of the next one
    tokens: list[str] = []
    start = 0
    while start < len(caption):
        stop = _end_of_plain_words(shape, start)
        tokens += caption[start:stop].lower().replace("'s", " 's").replace(",", " ").replace(".", " ").split()
        if stop < len(caption):
            token, stop = _next_token(caption, shape, stop)
            if token not in _DROPPED:
                tokens.append(token if stop < len(caption) else token.rstrip())  # as coco-caption strips its lines
        start = stop
    return tuple(tokens)


def _end_of_plain_words(shape: str, start: int) -> int:
    """Return up to where a caption is split at spaces, periods, commas and 's; the rules would find the same tokens."""
    words = _PLAIN_WORDS.match(shape, start)
    assert words is not None  # at least with nothing
    keeps_its_period = words[2] and _ABBREVIATION.fullmatch(words[2])
    return words.end(1 if keeps_its_period else 0)


def _next_token(caption: str, shape: str, start: int) -> tuple[str, int]:
    """Return the token that starts at a place, and where it ends: by the rule that matches most."""
    token, end, longest = "", start + 1, 0  # what no rule knows is deleted
    for rule in rules_for(shape[start]):
        match = rule.pattern.match(shape, start)
        if match and match.end() > longest:
            longest, end = match.end(), match.end(1)
            token = rule.write(caption[start:end])
    return token.lower(), end
