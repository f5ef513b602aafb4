"""The command line of demo.py."""

import argparse
from collections.abc import Sequence

from captioning.arguments import OneLineParser
from captioning.example import EXAMPLE_MODEL
from utils.extras import require_libraries
from utils.home_folder import user_path
from utils.scripts import script_command

LOOPBACK = "127.0.0.1"


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        ValueError: An option is unknown, its value is of the wrong kind, or the library that serves pages is missing.
    """
    parser = OneLineParser(prog=script_command("demo.py"), description="Try a trained captioner in the browser.")
    parser.add_argument(
        "checkpoint",
        type=user_path,
        nargs="?",
        default=EXAMPLE_MODEL,
        help="a checkpoint that train.py wrote, or a folder of a model (left out: the small one that comes along)",
    )
    parser.add_argument(
        "--examples",
        type=user_path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="image files, folders and globs to choose from; the sliders are named by them (left out: drawn scenes, if "
        "the model was trained on such)",
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"the address to listen at ({LOOPBACK}: this machine alone)")
    parser.add_argument("--port", type=int, help="left out: the first free one from 7860 on")
    parser.add_argument(
        "--share", action="store_true", help="make the page public for a week, through a server of Gradio's"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, … (cpu)")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="of yours, that the checkpoint may build parts from; may be given several times",
    )
    options = parser.parse_args(arguments)
    require_libraries("the page", "gradio", extra="demo")
    return options
