"""The command line of draw.py."""

import argparse
from collections.abc import Sequence

from captioning.arguments import OneLineParser, add_computing, options_of
from utils.home_folder import user_path
from utils.scripts import script_command

DESCRIPTION = "Draw images of captions with a trained checkpoint."


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        ValueError: An option is unknown, or its value is of the wrong kind.
    """
    parser = OneLineParser(prog=script_command("draw.py"), description=DESCRIPTION)
    parser.add_argument("checkpoint", type=user_path, help="a checkpoint that train.py wrote, or a folder of a model")
    parser.add_argument("prompts", metavar="prompt", nargs="*", help='what to draw, such as "a small red circle"')
    parser.add_argument("--prompts-from", type=user_path, metavar="FILE.txt", help="more of them, one a line")
    add_drawing(parser.add_argument_group("how images are drawn"))
    add_prime(parser.add_argument_group("what they begin with"))
    add_output(parser.add_argument_group("what is written"))
    add_computing(parser.add_argument_group("how it is computed"))
    return parser.parse_args(arguments)


def add_drawing(group: argparse._ArgumentGroup) -> None:
    rankings = [name for name in options_of("drawing_ranking") if name != "none"]
    group.add_argument("--num", type=int, help="images of each prompt (4; greedy 1)")
    group.add_argument("--strategy", choices=options_of("drawing"), default="sample", help="(sample)")
    group.add_argument("--guidance", type=float, help="how strongly the prompt counts (2; greedy 1)")
    group.add_argument("--temperature", type=float, help="below 1 safer, above 1 bolder (1.0)")
    group.add_argument("--top-k", type=int, help="sample from the k likeliest codes")
    group.add_argument("--top-p", type=float, help="sample from the likeliest codes that reach this probability (0.9)")
    group.add_argument("--filter-thres", type=float, help="sample from the likeliest (1 - THRES) of the codes")
    group.add_argument(
        "--rank", choices=rankings, help="best images first: of which the prompt is likely, or likely ones"
    )
    group.add_argument("--keep", type=int, metavar="K", help="of those the first K alone")
    group.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")


def add_prime(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--prime", type=user_path, metavar="IMAGE", help="an image whose first rows all drawings keep")
    group.add_argument("--prime-rows", type=int, metavar="N", help="rows of its codes (7 of 16)")


def add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--out", type=user_path, metavar="FILE.png", help="save all drawings as one labelled sheet")
    group.add_argument(
        "--folder", type=user_path, help="save each drawing, and a line a prompt in drawings.jsonl; a rerun goes on"
    )
    group.add_argument("--json", action="store_true", help="print a JSON list with codes and log probabilities")
