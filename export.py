"""Write a trained model for use elsewhere: as ONNX files, as programs of torch.export, or as a folder for the hub.

python export.py CHECKPOINT --to onnx|torch_export|safetensors FOLDER [--quantize int8] …
"""

from collections.abc import Sequence

from exporting.arguments import parse_arguments
from utils.command_line import run_command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    run_command(parse_arguments, "exporting.run", arguments)


if __name__ == "__main__":
    main()
