"""A small DALL·E with a small discrete VAE, both untrained."""

from functools import partial
from typing import Any, Literal

import torch

from lightning_modules.build import assemble_discrete_vae
from lightning_modules.networks.code_embeddings import CodebookCodes, LearnedCodes
from lightning_modules.networks.code_readers import ConvolutionalReader, DecodedReader
from lightning_modules.networks.dalle import DALLE
from lightning_modules.networks.discrete_vae import FrozenDiscreteVAE
from lightning_modules.networks.encoders import StridedEncoder
from lightning_modules.networks.layers.segment_transformer import SegmentTransformer
from lightning_modules.networks.position_combiners import AddPosition, MultPosition
from lightning_modules.networks.segments import ImageSegment, TextSegment

PAD, BOS, EOS = 0, 1, 2


def tiny_vae(
    *, grid: int = 2, levels: tuple[int, ...] = (4, 4), image_size: int = 16, num_codebooks: int = 0
) -> FrozenDiscreteVAE:
    """Return a discrete VAE of `grid` × `grid` positions, each a code of levels, or one of each of some codebooks."""
    num_layers = (image_size // grid).bit_length() - 1
    networks = "lightning_modules.networks"
    encoder = {
        "_target_": f"{networks}.encoders.StridedEncoder",
        "num_layers": num_layers,
        "num_resnet_blocks": 1,
        "hidden_size": 8,
    }
    decoder = {"_target_": f"{networks}.grid_decoders.StridedGridDecoder", "num_resnet_blocks": 1, "hidden_size": 8}
    quantizer = {"_target_": f"{networks}.quantizers.FiniteScalarQuantizer", "levels": [*levels], "code_dim": 4}
    if num_codebooks:
        quantizer = {
            "_target_": f"{networks}.quantizers.VectorQuantizer",
            "num_codes": 16,
            "num_codebooks": num_codebooks,
            "code_dim": 4,
        }
    network = assemble_discrete_vae(
        encoder=encoder,
        quantizer=quantizer,
        grid_decoder=decoder,
        reconstruction="gaussian",
        image_size=image_size,
    )
    return FrozenDiscreteVAE(network)


def tiny_dalle(
    *,
    vae: FrozenDiscreteVAE | None = None,
    vocab_size: int = 12,
    prefix: tuple[int, ...] = (BOS,),
    pad_id: int = PAD,
    num_positions: int = 8,
    hidden_size: int = 16,
    num_heads: int = 2,
    num_layers: int = 2,
    feedforward_size: int = 32,
    padding: Literal["masked", "learned"] = "masked",
    condition: Literal["full", "causal"] = "full",
    codebook: bool = True,
    reader: Literal["convolutional", "decoded"] | None = None,
    mult: bool = False,
    num_codebooks: int = 0,
    **layer: Any,
) -> DALLE:
    """Return a network in evaluation mode, with random weights; with several codebooks an image is one position."""
    vae = vae or (tiny_vae(grid=1, num_codebooks=num_codebooks) if num_codebooks else tiny_vae())
    position = MultPosition() if mult else AddPosition()
    num_vectors = vae.num_codes * vae.codes_per_position
    codes = {"num_codes": num_vectors, "code_dim": vae.code_dim, "hidden_size": hidden_size}
    sizes: dict[str, Any] = {
        "hidden_size": hidden_size,
        "grid_size": vae.positions,
        "image_size": vae.image_size,
    }
    readers = {
        "convolutional": lambda: ConvolutionalReader(**sizes, num_blocks=1, channels=8),
        "decoded": lambda: DecodedReader(**sizes, encoder=partial(StridedEncoder, hidden_size=8)),
    }
    torch.manual_seed(3)
    return DALLE(
        vae=vae,
        text=TextSegment(
            hidden_size=hidden_size,
            vocab_size=vocab_size,
            pad_id=pad_id,
            eos_id=EOS,
            prefix=prefix,
            num_positions=num_positions,
            padding=padding,
            position=position,
        ),
        image=ImageSegment(
            hidden_size=hidden_size,
            num_codes=vae.num_codes,
            grid_size=vae.grid_size,
            codes_per_position=vae.codes_per_position,
            code_embedding=CodebookCodes(**codes) if codebook else LearnedCodes(**codes),
            code_reader=None if reader is None else readers[reader](),
            position=position,
        ),
        transformer=SegmentTransformer(
            hidden_size=hidden_size,
            num_layers=num_layers,
            num_heads=num_heads,
            feedforward_size=feedforward_size,
            **layer,
        ),
        condition=condition,
    ).eval()
