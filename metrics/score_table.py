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
        "Fit of the first caption to the photograph",
        "How like the image's embedding that of the caption is, by CLIP (CLIP-S, PAC-S), and that of a reference, too "
        "(RefCLIP-S, RefPAC-S). Higher is better.",
        ("clip",),
    ),
    Section(
        "Consistency: accuracy over all captions",
        "The same of a caption drawn at random (mean), of an image's worst caption (min), and of its best one, chosen "
        "by someone who knows the references (oracle). Higher is better.",
        ("mean", "min", "oracle"),
    ),
    Section(
        "Consistency: captions that find their image",
        "Share of all captions (recall) and of the images of which every caption does (all) whose own image is among "
        "the first 1, 5 or 10 by log P(caption | image). Higher is better, but the median rank is best at 1.",
        ("self-retrieval",),
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
    Section(
        "Drawings: captions that find their image",
        "Share of the references that find their image (retrieval), or the drawing of themselves (cycle), among the "
        "first by log P(caption | image); whether a caption of that drawing is one of the image; and how many codes "
        "images and drawings use; higher is better, but the median rank is best at 1. And how differently often they "
        "show a shape, a colour and the like (drawing_distance), which is best at 0.",
        ("retrieval", "cycle", "codes", "drawn_codes", "drawing_distance"),
    ),
    Section(
        "Draws",
        "How many captions were generated of an image until enough differed, or for some to be selected. Scores of "
        "selected captions are to be compared at equal draws.",
        ("draws",),
    ),
    Section(
        "Interpretability of the codes",
        "Whether each dimension of S and C stands for one factor of the data (MIG, SAP, DCI, modularity), and how "
        "often a caption that takes the style of a caption of another image has it, is true of its own image, and is "
        "both. Higher is better.",
        ("interpretability/style", "interpretability/content", "style_transfer"),
    ),
)

OTHERS = Section(
    "Other measures",
    "What the data set can check by itself, how close reconstructions come to the originals (PSNR in dB, SSIM), and "
    "whether they show what their captions and images say (reconstruction_…). Higher is better, but contradictions and "
    "style_distance are best at 0.",
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
