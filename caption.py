"""Caption image files with a trained checkpoint.

python caption.py CHECKPOINT photo.jpg folder "photos/**/*.jpg" [--strategy NAME] [--num 5] [--seed 0] …
"""

from collections.abc import Sequence

from captioning.arguments import parse_arguments
from utils.command_line import run_command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, "captioning.run", arguments, to_lower="--batch-size or --num")


if __name__ == "__main__":
    main()
