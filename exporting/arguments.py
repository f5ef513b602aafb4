"""The command line of export.py."""

import argparse
from collections.abc import Sequence

from utils.command_line import CommandParser
from utils.extras import require_libraries
from utils.home_folder import user_path
from utils.scripts import script_command

OF_ONNX = ("onnx", "onnxscript", "onnxruntime")
FORMATS = ("onnx", "torch_export", "safetensors")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        ValueError: An option is of another format, or a library is missing that the format needs.
    """
    parser = CommandParser(prog=script_command("export.py"), description="Write a trained model for use elsewhere.")
    parser.add_argument("checkpoint", type=user_path, help="a checkpoint that train.py wrote")
    parser.add_argument(
        "--to",
        choices=FORMATS,
        required=True,
        help="onnx: ONNX files with a runner that needs no PyTorch; torch_export: programs of torch.export; "
        "safetensors: a folder for the hub, which these scripts read as a checkpoint",
    )
    parser.add_argument("folder", type=user_path, metavar="FOLDER", help="where to write it; must not be there yet")
    parser.add_argument(
        "--quantize", choices=("int8",), help="of ONNX files: weights of linear layers, embeddings and LSTMs as bytes"
    )
    parser.add_argument(
        "--half", action="store_true", help="of a folder for the hub: weights as 16-bit floats, in half the room"
    )
    parser.add_argument(
        "--compare-on",
        type=user_path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="image files and folders on which ONNX files are compared with PyTorch (left out: 16 drawn scenes)",
    )
    parser.add_argument(
        "--scores", type=user_path, metavar="FILE", help="a report's scores.json, whose figures the model card shows"
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="of yours, that the checkpoint may build parts from; may be given several times",
    )
    options = parser.parse_args(arguments)
    for name, given, needed in (
        ("--half", options.half, "safetensors"),
        ("--quantize", options.quantize, "onnx"),
        ("--compare-on", options.compare_on, "onnx"),
    ):
        if given and options.to != needed:
            raise ValueError(f"{name}: expected --to {needed} beside it, got --to {options.to}; leave it out")
    if options.to == "onnx":
        require_libraries("--to onnx", *OF_ONNX, extra="export")
    return options
