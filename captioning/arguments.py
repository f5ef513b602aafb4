"""The command line of caption.py."""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from captioning.example import EXAMPLE_MODEL, EXAMPLE_SCENES
from datamodules.image_files.formats import IMAGE_SUFFIXES
from utils.command_line import CommandParser
from utils.home_folder import user_path
from utils.scripts import script_command

CONF = Path(__file__).resolve().parents[1] / "conf"
DESCRIPTION = "Describe image files with a trained checkpoint."


class OneLineParser(CommandParser):
    """Raises a `ValueError` on a mistake, where argparse would print all options first."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{self.with_suggestions(message)}; see --help")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        ValueError: An option is unknown, its value is of the wrong kind, or there is nothing to describe.
    """
    parser = OneLineParser(prog=script_command("caption.py"), description=DESCRIPTION)
    parser.add_argument(
        "checkpoint", type=user_path, nargs="?", help="a checkpoint that train.py wrote, or a folder of a model"
    )
    parser.add_argument(
        "images", type=user_path, nargs="*", help='image files, folders, and globs such as "photos/**/*.jpg"'
    )
    parser.add_argument(
        "--example",
        action="store_true",
        help="what is not named comes with the package: a model of drawn scenes as checkpoint, some scenes as images",
    )
    parser.add_argument(
        "--with",
        dest="others",
        type=user_path,
        action="append",
        default=[],
        metavar="CHECKPOINT",
        help="another one beside it: at each word the mean of their probabilities; may be given several times",
    )
    add_strategy(parser.add_argument_group("how captions are generated"))
    add_style(parser.add_argument_group("in which style"))
    add_output(parser.add_argument_group("what is written"))
    add_computing(parser.add_argument_group("how it is computed"))
    options = parser.parse_args(join_numbers(sys.argv[1:] if arguments is None else arguments))
    if options.example:
        put_example(options)
    if options.checkpoint is None or not options.images:
        missing = "a checkpoint and images" if options.checkpoint is None else f"images after {options.checkpoint}"
        parser.error(f"expected {missing}, or --example for a model and scenes that come with the package")
    return options


def put_example(options: argparse.Namespace) -> None:
    """Put the model and the scenes that come with the package where no others are named."""
    first = options.checkpoint
    if first is not None and first.suffix.lower() in IMAGE_SUFFIXES:  # one's own image, and no checkpoint
        options.images = [first, *options.images]
    if first is None or options.images[:1] == [first]:
        options.checkpoint = EXAMPLE_MODEL
    options.images = options.images or [EXAMPLE_SCENES]


def options_of(group: str) -> list[str]:
    """Return the names that a config group offers."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def add_strategy(group: argparse._ArgumentGroup) -> None:
    strategies, rankings = options_of("generation"), [name for name in options_of("ranking") if name != "none"]
    group.add_argument("--num", type=int, help="captions an image (5; beams 1)")
    group.add_argument("--strategy", choices=strategies, help="left out: the greedy caption, then samples")
    group.add_argument("--temperature", type=float, help="below 1 safer, above 1 bolder (1.0)")
    group.add_argument("--top-k", type=int, help="sample from the k likeliest words")
    group.add_argument("--top-p", type=float, help="sample from the likeliest words that reach this probability")
    group.add_argument("--filter-thres", type=float, help="sample from the likeliest (1 - THRES) of the vocabulary")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another key of the strategy")
    group.add_argument("--words", type=phrases, metavar="WORD,…", help="words or phrases that every caption contains")
    group.add_argument("--rank", choices=rankings, help="best captions first; samples, if no --strategy is given")
    group.add_argument(
        "--index", type=user_path, metavar="FILE", help="training images of a consensus (training_index.npz)"
    )
    group.add_argument(
        "--rank-set", action="append", default=[], metavar="KEY=VALUE", help="a key of the ranking, as neighbours=words"
    )
    group.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")


def add_style(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--style-from", type=user_path, metavar="IMAGE", help="the style of another image")
    group.add_argument("--style-caption", metavar="TEXT", help="the caption of --style-from's image whose style it is")
    group.add_argument("--interpolate", type=int, metavar="K", help="K styles from the image's own to --style-from's")
    group.add_argument("--style", type=numbers, metavar="X,…", help="a style in numbers")
    group.add_argument("--traverse", type=int, metavar="DIM", help="the image's own style, but one dimension varied")
    group.add_argument(
        "--values",
        type=numbers,
        metavar="X,…",
        help="of that dimension, in standard deviations of its prior (-3,-2,-1,0,1,2,3)",
    )


def add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", action="store_true", help="print one JSON list instead of text")
    group.add_argument(
        "--out", type=user_path, metavar="FILE.jsonl", help="write a line an image; a rerun goes on with it"
    )
    group.add_argument(
        "--save-reconstruction",
        type=user_path,
        metavar="OUT.png",
        help="save a picture: each image, and beside it the image reconstructed from each of its captions",
    )
    group.add_argument(
        "--explain",
        type=user_path,
        metavar="OUT.html",
        help="write a page: how likely each word was, where the model looked, and what other styles change",
    )
    group.add_argument(
        "--on-bad-image", choices=("error", "skip"), default="error", help="stop at an unreadable image, or skip it"
    )


def add_computing(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--batch-size", type=int, default=16, help="images at once (16)")
    group.add_argument("--device", default="cpu", help="cpu, cuda, … (cpu)")
    group.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="of yours, that the checkpoint may build parts from; may be given several times",
    )


def join_numbers(arguments: Sequence[str]) -> list[str]:
    """Write `--values -2,0` as `--values=-2,0`: argparse takes what begins with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--values", "--style") and re.match(r"-[\d.]", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def numbers(text: str) -> list[float]:
    """Read numbers that commas separate."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise argparse.ArgumentTypeError(f'expected numbers with commas between them, such as "-1,0,0.5", got {text!r}')
    return values


def phrases(text: str) -> list[str]:
    """Read words or phrases that commas separate."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(
            f'expected words with commas between them, such as "dog,red ball", got {text!r}'
        )
    return parts
