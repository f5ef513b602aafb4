"""The words of a text in any script.

What has no space between its words cannot be parted by rule alone. Chinese and Japanese count by the character, as
BERT's `BasicTokenizer` has it of Chinese (Devlin et al. 2019; https://github.com/google-research/bert,
`tokenization.py`). Of Thai, Lao, Khmer and Burmese a run of letters is one word, which is a whole sentence as a rule.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

CHARACTERS = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001aff0-\U0001b16f"
    "\U00020000-\U0003ffff"
)
"""Chinese characters, kana and bopomofo, as ranges of a regular expression: each is a word."""

RUNS = "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u109d\u1780-\u17d3\ua9e0-\ua9fe\uaa60-\uaa7f"
"""Thai, Lao, Burmese and Khmer letters with their marks, as ranges of a regular expression."""

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef"
)
"""What shows nothing by itself and parts no words: soft hyphens, marks of direction, variation selectors and the key
cap of emoji, fillers; as ranges of a regular expression. The joiners U+200C and U+200D are not among them."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_JOINERS = "\u200c\u200d"
_RUNS = {script: re.compile(f"[{script}]+") for script in (CHARACTERS, RUNS)}
_LONG = {CHARACTERS: 4, RUNS: 8}  # characters on average; words of these languages have fewer


def words(text: str) -> list[str]:
    """Return the words of a text: letters with their marks and digits, in lower case, compatible forms (NFKC) as one.

    Of ASCII these are the runs of a–z and 0–9, as `rouge_score` has them. A word has at least one letter or digit. Case
    is that of Unicode, whatever the language: Turkish I is i; İ, which would leave a dot behind, is i as well.
    """
    shaped = unicodedata.normalize("NFKC", text).replace("İ", "i").lower().translate(_SHAPES)
    found = shaped.split()
    return found if text.isascii() else [word for word in found if any(map(str.isalnum, word))]


def on_one_line(text: str) -> str:
    """Return a text as a line of a terminal or of a table takes it: control characters and ends of lines as spaces."""
    return " ".join(_CONTROL.sub(" ", text).split())


def without_spaces(captions: Iterable[str], scripts: Sequence[str] = (CHARACTERS, RUNS)) -> int:
    """Return how many captions are written without spaces between their words; 0 where someone has put some in.

    Args:
        captions: Of one language, or of several.
        scripts: Of `CHARACTERS` and `RUNS`; of each, by the mean length of what stands between two spaces.
    """
    found: set[int] = set()
    lengths: dict[str, list[tuple[int, int]]] = {script: [] for script in scripts}
    for number, caption in enumerate(captions):
        if not caption.isascii():
            for script in scripts:
                lengths[script] += [(number, len(run)) for run in _RUNS[script].findall(caption)]
    for script, runs in lengths.items():
        if sum(length for _, length in runs) > _LONG[script] * len(runs):
            found |= {number for number, _ in runs}
    return len(found)


def note_on_spaces(captions: Iterable[str]) -> str | None:
    """Return what a reader of scores must know where captions are written `without_spaces`; None where they are not."""
    number = without_spaces(captions)
    if not number:
        return None
    return (
        f"captions written without spaces between words: {number:,}; BLEU, ROUGE-L, CIDEr-D, METEOR and diversity "
        f"take what stands between two spaces, commonly a sentence, for one word (those of rouge_score do so in "
        f"Thai, Lao, Khmer and Burmese, and count Chinese and Japanese by the character); write spaces between the "
        f"words of captions and references alike for scores by the word"
    )


class _Shapes(dict[int, str]):
    """A table for `str.translate` that keeps what words are made of, and puts spaces where they end."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if re.match(f"[{INVISIBLE}{_JOINERS}]", character):
            shape = ""
        elif re.match(f"[{CHARACTERS}]", character):
            shape = f" {character} "
        else:
            shape = character if unicodedata.category(character)[0] in "LMN" else " "
        self[code] = shape
        return shape


_SHAPES = _Shapes()
