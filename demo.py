"""Try a trained captioner in the browser: captions, styles, words, attention, pictures from sentences.

python demo.py CHECKPOINT [--examples photos/] [--port 7860] [--host 127.0.0.1] …
"""

from collections.abc import Sequence

from demonstration.arguments import parse_arguments
from utils.command_line import run_command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, "demonstration.run", arguments)


if __name__ == "__main__":
    main()
