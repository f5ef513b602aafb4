"""Puts networks together from the configs of their parts: what each stage must know of the others is said here."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from hydra.utils import instantiate

from datamodules.tokenizers import Vocabulary
from lightning_modules.networks import Captioner
from lightning_modules.networks.code_embeddings import CodeEmbedding
from lightning_modules.networks.code_readers import CodeReader
from lightning_modules.networks.combiners import Combiner
from lightning_modules.networks.dalle import DALLE
from lightning_modules.networks.decoders import Decoder
from lightning_modules.networks.discrete_vae import DiscreteVAE, FrozenDiscreteVAE
from lightning_modules.networks.embeddings import Embedding
from lightning_modules.networks.encoders import Encoder
from lightning_modules.networks.grid_decoders import GridDecoder
from lightning_modules.networks.grid_decoders.pixel_outputs import LogitLaplacePixels, PixelOutput, UnitPixels
from lightning_modules.networks.latents import LatentModel
from lightning_modules.networks.layers.segment_transformer import SegmentTransformer
from lightning_modules.networks.memories import PredictedWords
from lightning_modules.networks.position_combiners import PositionCombiner
from lightning_modules.networks.quantizers import Quantizer
from lightning_modules.networks.segments import ImageSegment, TextSegment
from utils.require import require

Config = dict[str, Any]

PIXELS: dict[str, type[PixelOutput]] = {
    "gaussian": UnitPixels,
    "huber": UnitPixels,
    "logit_laplace": LogitLaplacePixels,
}
"""What a discrete VAE's decoder outputs for a pixel, by the reconstruction term of its loss."""


def build(config: Config, *args: Any, **known: Any) -> Any:
    """Call the config's `_target_` with the config's values and what is known only here.

    The arguments are handed over as they are, where `hydra.utils.instantiate` alone would read them as configs.
    """
    return instantiate(config, _partial_=True)(*args, **known)


def assemble(
    *,
    encoder: Config,
    latents: Config,
    combiner: Config,
    embedding: Config,
    decoder: Config,
    attention: Config,
    middle: Config,
    relaxation: Config,
    image_decoder: Config,
    vocabulary: Vocabulary,
    image_size: int,
    memory: Config | None = None,
    word_ids: Sequence[int] = (),
) -> Captioner:
    """Build each part with the widths of those that it reads from; an empty config leaves an optional part out.

    Args:
        encoder: Like all that follow up to the vocabulary, the config of that part.
        vocabulary: The tokenizer's.
        image_size: Height and width of the images in pixels.
        memory: The config of what attention reads beside the image.
        word_ids: Words that this may be made of.
    """
    built_encoder: Encoder = build(encoder, image_size=image_size)
    built_latents: LatentModel = build(
        latents,
        width=built_encoder.width,
        positions=built_encoder.positions,
        memory_dim=built_encoder.memory_dim,
        embedding_dim=embedding["embedding_dim"],
    )
    positions = built_encoder.positions
    if memory and not attention:
        raise ValueError("model/memory is read by attention; choose model/attention=multi_head or model/memory=none")
    if memory:
        words: PredictedWords = build(
            memory, width=built_encoder.width, memory_dim=built_latents.memory_dim, word_ids=word_ids
        )
        built_latents.remember_words(words)
        positions += words.num_places
    if not attention:
        built_latents.leave_out_memory()
    built_combiner: Combiner = build(combiner, style_dim=built_latents.style_dim, content_dim=built_latents.content_dim)
    built_embedding: Embedding = build(embedding, vocab_size=vocabulary.size, pad_id=vocabulary.pad_id)
    places = {"width": built_latents.memory_dim, "positions": positions}
    built_attention = partial(build, attention, **places, hidden_size=decoder["hidden_size"]) if attention else None
    built_decoder: Decoder = build(
        decoder,
        embedding_dim=built_embedding.embedding_dim,
        context_dim=built_combiner.context_dim,
        attention=built_attention,
    )
    return Captioner(
        encoder=built_encoder,
        latents=built_latents,
        combiner=built_combiner,
        embedding=built_embedding,
        decoder=built_decoder,
        middle=build(middle, in_dim=built_decoder.hidden_size, vocab_size=vocabulary.size),
        relaxation=build(relaxation),
        image_decoder=build(image_decoder, embedding_dim=built_embedding.embedding_dim)
        if "_target_" in image_decoder  # an experiment may give none sizes
        else None,
        prefix=vocabulary.prefix,
    )


def assemble_discrete_vae(
    *,
    encoder: Config,
    quantizer: Config,
    grid_decoder: Config,
    reconstruction: str,
    image_size: int,
    decodes_features: bool = False,
) -> DiscreteVAE:
    """Build a discrete VAE.

    Args:
        encoder: Image to features.
        quantizer: Features to codes and their vectors.
        grid_decoder: Vectors to an image.
        reconstruction: The term of the loss, by which the decoder's outputs are read.
        image_size: Height and width of the images in pixels.
        decodes_features: Whether the vectors of codes are decoded to the encoder's features, too.

    Raises:
        ValueError: The term is unknown, or parts do not fit each other.
    """
    require(reconstruction in PIXELS, "model.loss.reconstruction", f"one of {', '.join(PIXELS)}", f"{reconstruction!r}")
    pixels = PIXELS[reconstruction]()
    built_encoder: Encoder = build(encoder, image_size=image_size)
    if built_encoder.fine_tuning is not None:
        raise ValueError("model.encoder.trainable_from is for models that caption images; leave it out")
    if built_encoder.grid is None:
        raise ValueError(
            f"model.encoder={type(built_encoder).__name__} gives {built_encoder.positions} positions, which are no "
            f"square grid of codes; choose another model/encoder or backbone"
        )
    built_quantizer: Quantizer = build(quantizer, width=built_encoder.width)
    built_decoder: GridDecoder = build(
        grid_decoder,
        code_dim=built_quantizer.code_dim,
        grid_size=built_encoder.grid,
        image_size=image_size,
        channels=pixels.channels,
    )
    return DiscreteVAE(
        encoder=built_encoder,
        quantizer=built_quantizer,
        decoder_image=built_decoder,
        pixels=pixels,
        image_size=image_size,
        grid_size=built_encoder.grid,
        decodes_features=decodes_features,
    )


def assemble_dalle(
    *,
    vae: FrozenDiscreteVAE,
    transformer: Config,
    code_embedding: Config,
    code_reader: Config,
    position: Config,
    condition: Literal["full", "causal"],
    padding: Literal["masked", "learned"],
    num_positions: int,
    vocabulary: Vocabulary,
) -> DALLE:
    """Build a transformer of words and of a discrete VAE's codes; an empty config leaves the code reader out."""
    built_transformer: SegmentTransformer = build(transformer)
    hidden_size = built_transformer.hidden_size
    built_position: PositionCombiner = build(position)
    built_embedding: CodeEmbedding = build(
        code_embedding,
        num_codes=vae.num_codes * vae.codes_per_position,
        code_dim=vae.code_dim,
        hidden_size=hidden_size,
    )
    built_reader: CodeReader | None = (
        build(code_reader, hidden_size=hidden_size, grid_size=vae.positions, image_size=vae.image_size)
        if code_reader
        else None
    )
    text = TextSegment(
        hidden_size=hidden_size,
        vocab_size=vocabulary.size,
        pad_id=vocabulary.pad_id,
        eos_id=vocabulary.eos_id,
        prefix=vocabulary.prefix,
        num_positions=num_positions,
        padding=padding,
        position=built_position,
    )
    image = ImageSegment(
        hidden_size=hidden_size,
        num_codes=vae.num_codes,
        grid_size=vae.grid_size,
        codes_per_position=vae.codes_per_position,
        code_embedding=built_embedding,
        code_reader=built_reader,
        position=built_position,
    )
    return DALLE(vae=vae, text=text, image=image, transformer=built_transformer, condition=condition)
