"""Try a trained captioner in the browser: captions, styles, words, attention, pictures from sentences.

python demo.py CHECKPOINT [--examples photos/] [--port 7860] [--host 127.0.0.1] …
"""

import argparse
import sys
from collections.abc import Sequence

from demonstration.arguments import parse_arguments
from utils.display import show_any_text
from utils.path_faults import error_line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    show_any_text()
    options = argparse.Namespace()
    try:
        options = parse_arguments(arguments)
        from demonstration.run import run  # here: help and mistakes need not wait for torch

        run(options)
    except (ValueError, OSError) as error:
        sys.exit(error_line(error, options))


if __name__ == "__main__":
    main()
