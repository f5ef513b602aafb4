"""Draw images of captions with a trained checkpoint.

python draw.py CHECKPOINT "a large red circle above a small blue square" --out drawn.png [--num 8] [--guidance 3] …
"""

from collections.abc import Sequence

from drawing.arguments import parse_arguments
from utils.command_line import run_command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, "drawing.run", arguments, to_lower="--batch-size")


if __name__ == "__main__":
    main()
