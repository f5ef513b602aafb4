"""What kind of sentence an English caption is, by simple rules over lists of words.

The rules know no grammar: they look at words one by one, and are right for most captions of photographs, not for all.

Shape legend: N captions.
"""

import re
from collections.abc import Iterable, Sequence

from metrics.factor import Factor

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")

MOST_WORDS = {"short": 8, "medium": 12}
"""Of a length class; longer captions are "long". Of Flickr8k's captions about a third are in each."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


NO_PARTICIPLES = _listed(
    "anything being building ceiling clothing crossing dressing during evening everything frosting icing king "
    "lightning lining morning nothing ping railing ring something spring string swing thing wedding wing"
)
PRESENT = _listed(
    "am are bites blows carries catches chases climb climbs dances digs drinks drives eat eats fights flies hangs "
    "has have helps hits hold holds is jump jumps kicks kneels laughs lays leans leaps lies look looks makes "
    "performs play plays pose poses pulls pushes races reads rest rests ride rides run runs shakes shows sit sits "
    "sleeps slides smile smiles splashes stand stands swims swings takes talk talks throws tries waits walk walks "
    "watch watches wear wears works"
)
COLOURS = _listed(
    "beige black blond blonde blue brown crimson cyan gold golden gray green grey maroon orange pink purple red "
    "silver tan teal turquoise violet white yellow"
)
PERSON = _listed(
    "baby biker boy bride child cowboy cyclist dancer father female fisherman gentleman girl groom guy hiker kid "
    "lady male man mother person player rider runner skateboarder skater skier snowboarder someone surfer swimmer "
    "teenager toddler woman"
)
PEOPLE = _listed(
    "adults babies bikers boys children couple crowd cyclists dancers family fans females friends girls group guys "
    "hikers kids ladies males men people players riders runners skaters skiers surfers swimmers team teenagers "
    "toddlers women"
)
ARTICLES = _listed("a an the")
NUMBERS = _listed("five four many one several six some three two")


def caption_attributes(captions: Sequence[str]) -> list[Factor]:
    """Return length, tense, colours, people and opening of captions; the length class stands for their style."""
    of_captions = [_words(caption) for caption in captions]
    return [
        length_class(captions),
        Factor.of("tense", ("progressive", "present", "none"), map(tense, of_captions)),
        Factor.of("colours", ("0", "1", "2", "3 or more"), map(num_colours, of_captions)),
        Factor.of("people", ("0", "1", "2", "many"), map(people, of_captions)),
        Factor.of("opening", ("article", "number", "other"), map(opening, of_captions)),
    ]


def length_class(captions: Iterable[str]) -> Factor:
    """Return whether captions are short (up to 8 words), medium (up to 12) or long."""
    classes = (*MOST_WORDS, "long")
    lengths = [len(_words(caption)) for caption in captions]
    values = [next((name for name, most in MOST_WORDS.items() if length <= most), "long") for length in lengths]
    return Factor.of("length", classes, values)


def tense(words: Sequence[str]) -> str:
    """Return how a caption tells what goes on: "progressive", "present" or "none".

    Progressive is a word in "-ing" that is no noun of a short list ("is running", "a dog running"); present a form of a
    frequent verb that is in the list `PRESENT` ("runs", "stands", "is").
    """
    if any(len(word) > 4 and word.endswith("ing") and word not in NO_PARTICIPLES for word in words):
        return "progressive"
    return "present" if any(word in PRESENT for word in words) else "none"


def num_colours(words: Sequence[str]) -> str:
    """Return how many words name a colour: "0", "1", "2" or "3 or more"."""
    number = sum(word in COLOURS for word in words)
    return str(number) if number < 3 else "3 or more"


def people(words: Sequence[str]) -> str:
    """Return how many people are named: "0", "1", "2" or "many".

    A word for one person counts one, a plural after "two" and "couple" two, any other plural many; one person named
    twice counts twice.
    """
    number = 0
    for before, word in zip(("", *words), words, strict=False):
        if word == "couple":
            number += 2
        elif word in PEOPLE and not (before == "of" and number):  # "a group of people" is counted by its group
            number += 2 if before == "two" else 3
        elif word in PERSON:
            number += 1
    return str(number) if number < 3 else "many"


def opening(words: Sequence[str]) -> str:
    """Return what a caption begins with: an "article", a "number" or an "other" word."""
    first = words[0] if words else ""
    if first in ARTICLES:
        return "article"
    return "number" if first in NUMBERS else "other"


def _words(caption: str) -> list[str]:
    return WORD.findall(caption.lower())
