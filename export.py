"""Write a trained model for use elsewhere: as ONNX files, as programs of torch.export, or as a folder for the hub.

python export.py CHECKPOINT --to onnx|torch_export|safetensors FOLDER [--quantize int8] …
"""

import argparse
import sys
from collections.abc import Sequence

from exporting.arguments import parse_arguments
from utils.display import show_any_text
from utils.path_faults import error_line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    show_any_text()
    options: argparse.Namespace = parse_arguments(arguments)
    try:
        from exporting.run import run  # here: help need not wait for torch

        run(options)
    except (ValueError, OSError) as error:
        sys.exit(error_line(error, options))


if __name__ == "__main__":
    main()
