"""Average the weights of several checkpoints of a run into one.

python average.py CHECKPOINT CHECKPOINT … [--out average.ckpt]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from utils.command_line import CommandParser, run_command
from utils.home_folder import user_path
from utils.scripts import script_command


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        prog=script_command("average.py"),
        description="Average the weights of several checkpoints of a run into one.",
    )
    parser.add_argument("checkpoints", type=user_path, nargs="+", metavar="CHECKPOINT", help="written by train.py")
    parser.add_argument("--out", type=user_path, default=Path("average.ckpt"), help="where to write it (average.ckpt)")
    parser.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE", help="of yours, that they may build parts from"
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    """Average, and write the result."""
    from lightning_modules import average_checkpoints, save_module  # here: help need not wait for torch

    if options.out.is_dir() or not options.out.parent.is_dir():
        raise ValueError(f"--out {options.out}: expected the name of a file in a folder that exists; change it")
    if options.out.resolve() in {path.resolve() for path in options.checkpoints}:
        raise ValueError(f"--out {options.out} is one of the checkpoints to average; change it")
    if options.out.exists():
        raise ValueError(f"--out {options.out}: a file of this name is there, and would be lost; name another")
    save_module(average_checkpoints(options.checkpoints, trusted_packages=options.trust), options.out)
    print(f"{options.out}: the mean of {len(options.checkpoints)} checkpoints")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, __name__, arguments)


if __name__ == "__main__":
    main()
