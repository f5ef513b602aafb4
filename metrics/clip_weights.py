"""Files of a CLIP's weights, under the names of `transformers` or those of OpenAI's own code, as PAC-S is published."""

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

SUFFIXES = (".safetensors", ".pth", ".pt")
NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # numbers that OpenAI's files hold beside
RENAMED = (
    (r"^visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"^transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.class_embedding$", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding$", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.proj$", "visual_projection.weight"),
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^text_projection$", "text_projection.weight"),
)
"""From OpenAI's names to those of `transformers` (whose spelling of `pre_layrnorm` this is)."""
TRANSPOSED = ("visual.proj", "text_projection")


def read_clip_weights(path: Path) -> dict[str, Tensor]:
    """Return a file's weights under the names of `transformers`' `CLIPModel`.

    Args:
        path: A `.safetensors` file, or what `torch.save` has written of a state, on its own or as `state_dict`.

    Raises:
        ValueError: It cannot be read, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return renamed(load_file(path))
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise ValueError(f"{path}: expected weights of a CLIP, got: {' '.join(str(error).split())[:200]}") from error
    state = saved.get("state_dict", saved) if isinstance(saved, dict) else {}
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"{path}: expected weights of a CLIP, by name or in its state_dict, got none")
    return renamed(tensors)


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names of `transformers`; those that have them stay as they are."""
    if "visual.proj" not in tensors:
        return dict(tensors)
    return {name: part for old, tensor in tensors.items() for name, part in _renamed(old, tensor)}


def _renamed(old: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    if old in NO_WEIGHTS:
        return
    name = old
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    if "in_proj_" not in name:
        yield name, tensor.T.contiguous() if old in TRANSPOSED else tensor
        return
    for part, third in zip("qkv", tensor.chunk(3), strict=True):  # queries, keys and values in one
        yield name.replace("in_proj_", f"{part}_proj."), third
