"""Our transformer of words and codes with the weights of DALLE-pytorch's, whose one vocabulary is cut in two."""

from typing import Any

import torch
from torch import Tensor

from lightning_modules.networks.dalle import DALLE
from tests.lightning_modules.networks.tiny_dalle import tiny_dalle, tiny_vae
from tests.reference_dalle.model import ReferenceDALLE

LAYER: dict[str, Any] = {"bias": False, "feedforward": "geglu", "layer_scale": 0.1}


def layer_weights(theirs: Any, num_heads: int) -> dict[str, Tensor]:
    """Return the weights of a layer of DALLE-pytorch, whose queries, keys and values are in turn, by our names."""
    attention, feedforward = theirs
    together_DH = attention.fn.fn.fn.to_qkv.weight
    by_head_DH = together_DH.unflatten(0, (3, num_heads, -1)).transpose(0, 1).flatten(0, 2)
    parts = {
        "norm_words": attention.fn.norm,
        "out": attention.fn.fn.fn.to_out[0],
        "norm_feedforward": feedforward.fn.norm,
        "feedforward.0": feedforward.fn.fn.net[0],
        "feedforward.2": feedforward.fn.fn.net[3],
    }
    weights = {f"{ours}.{name}": tensor for ours, part in parts.items() for name, tensor in part.state_dict().items()}
    return weights | {
        "query_key_value.weight": by_head_DH,
        "scale_words.scale_H": attention.scale.flatten(),
        "scale_feedforward.scale_H": feedforward.scale.flatten(),
    }


def as_ours(reference: ReferenceDALLE) -> DALLE:
    """Return our network with the reference's weights."""
    theirs, words = reference.model, reference.num_texts
    num_heads = theirs.transformer.layers.layers[0][0].fn.fn.fn.heads
    grid, num_codes = round(reference.num_places**0.5), len(theirs.image_emb.weight)
    network = tiny_dalle(
        vae=tiny_vae(grid=grid, levels=(num_codes,), image_size=2 * grid),
        vocab_size=words - reference.text_length,
        prefix=(0,),  # which is their padding, too
        pad_id=0,
        num_positions=1 + reference.text_length,
        hidden_size=theirs.image_emb.weight.shape[1],
        num_heads=num_heads,
        num_layers=len(theirs.transformer.layers.layers),
        feedforward_size=4 * theirs.image_emb.weight.shape[1],
        padding="learned",
        condition="causal",
        codebook=False,
        **LAYER,
    )
    axial = dict(theirs.image_pos_emb.named_parameters())
    weights = {
        "text.table.weight": theirs.text_emb.weight,
        "text.position_LH": theirs.text_pos_emb.weight,
        "text.head.weight": theirs.to_logits[1].weight[:words],
        "text.head.bias": theirs.to_logits[1].bias[:words],
        "image.code_embedding.table.weight": theirs.image_emb.weight,
        "image.row_RH": axial["weights.0"][0, :, 0],
        "image.column_CH": axial["weights.1"][0, 0],
        "image.head.weight": theirs.to_logits[1].weight[words:],
        "image.head.bias": theirs.to_logits[1].bias[words:],
        "transformer.norm.weight": theirs.to_logits[0].weight,
        "transformer.norm.bias": theirs.to_logits[0].bias,
    }
    for number, layer in enumerate(theirs.transformer.layers.layers):
        own = layer_weights(layer, num_heads)
        weights |= {f"transformer.layers.{number}.{name}": tensor for name, tensor in own.items()}
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert unexpected == []
    assert all(name.startswith("vae.") or name == "image.begin_H" for name in missing)
    return network


@torch.no_grad()
def greedy_codes(network: DALLE, tokens_RL: Tensor) -> Tensor:
    """Return `codes_RP`, of which each is the likeliest after those before it."""
    codes: list[Tensor] = []
    state = network.start_drawing(tokens_RL)
    for _ in range(network.num_positions):
        logits_RK, state = network.step_drawing(codes[-1] if codes else None, state)
        codes.append(logits_RK.argmax(dim=1))
    return torch.stack(codes, dim=1)
