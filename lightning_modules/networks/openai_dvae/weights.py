"""The safetensors file of OpenAI's discrete VAE: what it must hold, and how it is read."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

COMMAND = "python -m lightning_modules.networks.openai_dvae.openai_weights"


def read_weights(path: Path, *, like: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a file that `openai_weights` has written.

    Args:
        path: The safetensors file.
        like: A network with the parameters that the file must hold, by name, shape and type.

    Raises:
        ValueError: The file is not there, is damaged, or holds something else.
    """
    if not path.is_file():
        raise ValueError(f"model.vae.weights={path} is not a file; write one with {COMMAND}, or name another")
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"model.vae.weights={path}: expected a safetensors file, got: {reason}; write it with {COMMAND}"
        ) from error
    fault = misfit(tensors, like)
    if fault is not None:
        raise ValueError(
            f"model.vae.weights={path}: expected OpenAI's discrete VAE, got {fault}; write the file with {COMMAND}"
        )
    return tensors


def misfit(tensors: Mapping[str, Tensor], like: nn.Module) -> str | None:
    """Return the first way in which tensors differ from a network's by name, shape or type; None if they fit."""
    expected = like.state_dict()
    missing = [name for name in expected if name not in tensors]
    others = [name for name in tensors if name not in expected]
    if missing or others:
        named = f"without {missing[0]}" if missing else f"with {others[0][:100]}"
        return f"{len(tensors)} tensors, {named}, where it has {len(expected)}"
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            return f"{name} of shape {[*tensor.shape]}, where it has {[*expected[name].shape]}"
        if tensor.dtype != torch.float32 or tensor.layout != torch.strided:
            return f"{name} of type {tensor.dtype}, {tensor.layout}, where it has torch.float32, torch.strided"
    return None
