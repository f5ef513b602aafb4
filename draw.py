"""Draw images of captions with a trained checkpoint.

python draw.py CHECKPOINT "a large red circle above a small blue square" --out drawn.png [--num 8] [--guidance 3] …
"""

import argparse
import sys
from collections.abc import Sequence

from drawing.arguments import parse_arguments
from utils.display import show_any_text
from utils.machine_faults import out_of_memory
from utils.path_faults import error_line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    show_any_text()
    options = argparse.Namespace()
    try:
        options = parse_arguments(arguments)
        from drawing.run import run  # here: help and mistakes need not wait for torch

        run(options)
    except (ValueError, OSError) as error:
        sys.exit(error_line(error, options))
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        sys.exit("error: out of memory; lower --batch-size, or choose --device cpu")


if __name__ == "__main__":
    main()
