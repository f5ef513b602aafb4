"""ONNX files with weights of 8 bits."""

import logging
from pathlib import Path

OPERATORS = ("MatMul", "Gemm", "Gather", "LSTM")
"""Those whose weights become bytes: linear layers, embeddings and LSTMs. onnxruntime has no GRU of bytes, and its
convolutions of bytes are slower than those of floats."""


def quantize(path: Path) -> None:
    """Put dynamically quantized weights in place of those of an ONNX file: bytes, activations measured at run time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # here: only few exports need it

    smaller = path.with_name(f"{path.stem}.int8.onnx")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises to optimise first, which has been done
    try:
        quantize_dynamic(path, smaller, op_types_to_quantize=[*OPERATORS], weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)
    smaller.replace(path)
