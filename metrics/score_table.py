"""How scores are told to a reader: in which part of a table each belongs, and with how many digits."""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Section(NamedTuple):
    """A part of a table of scores.

    Attributes:
        title: What these scores measure.
        explanation: How to read them.
        prefixes: What stands before the "/" of their names.
    """

    title: str
    explanation: str
    prefixes: tuple[str, ...]


SECTIONS = (
    Section(
        "Accuracy of the first caption",
        "How well the caption that the model ranks first agrees with the references of the image. Higher is better.",
        ("coco",),
    ),
    Section(
        "Consistency: accuracy over all captions",
        "The same of a caption drawn at random (mean), of an image's worst caption (min), and of its best one, chosen "
        "by someone who knows the references (oracle). Higher is better.",
        ("mean", "min", "oracle"),
    ),
    Section(
        "Diversity by protocol A, the best five captions",
        "How much an image's captions differ. Lower mBLEU-4 is more diverse, and so are higher Div and distinct; "
        "oracle is the best of all captions by each metric.",
        ("A",),
    ),
    Section(
        "Diversity by protocol B, all captions",
        "How much all captions of an image differ, and how many words all of them use (vocabulary). Lower mBLEU is "
        "more diverse, and so are higher Div and Self-CIDEr. Not to be compared with protocol A.",
        ("B",),
    ),
    Section(
        "Calibration: is the model as often right as it is sure?",
        "Expected calibration error of the likeliest next word, over the words of human captions: how far its "
        "probability is from how often it is right, with S from the image alone (as captions are generated), and from "
        "the posterior that has read the caption. Lower is better.",
        ("calibration",),
    ),
)

OTHERS = Section(
    "Other measures",
    "What the data set can check by itself, and how close reconstructions come to the originals (PSNR in dB, SSIM). "
    "Higher is better.",
    (),
)
"""Of scores that no other section takes."""

ACCURACY = re.compile(r"(\w+/)?(oracle-)?(BLEU-\d|ROUGE-L|CIDEr-D|METEOR)")
PERCENT = 100  # papers print accuracies so, CIDEr-D too: 1.2 as 120


def in_sections(names: Iterable[str]) -> dict[Section, list[str]]:
    """Return the names of each section that has any, in the order of the sections; each name once."""
    found: dict[Section, list[str]] = {section: [] for section in (*SECTIONS, OTHERS)}
    for name in dict.fromkeys(names):
        found[section_of(name)].append(name)
    return {section: inside for section, inside in found.items() if inside}


def section_of(name: str) -> Section:
    """Return where a score belongs."""
    prefix = name.rpartition("/")[0]
    return next((section for section in SECTIONS if prefix in section.prefixes), OTHERS)


def shown(name: str, value: float | None) -> str:
    """Return a score as text: accuracies × 100, counts as whole numbers, "-" for None."""
    if value is None:
        return "-"
    if ACCURACY.fullmatch(name):
        return f"{PERCENT * value:.1f}"
    return f"{value:,.0f}" if name.endswith("/vocabulary") else f"{value:.3f}"
