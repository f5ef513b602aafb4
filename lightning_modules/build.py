"""Puts a captioner together from the configs of its parts: what each stage must know of the others is said here."""

from functools import partial
from typing import Any

from hydra.utils import get_object, instantiate

from datamodules.tokenizers import Vocabulary
from lightning_modules.networks import Captioner
from lightning_modules.networks.latents import GaussianLatents

Config = dict[str, Any]


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
) -> Captioner:
    """Build each part with the widths of those that it reads from; an empty config leaves an optional part out."""
    seeing = build(encoder, image_size=image_size)
    reads: bool = get_object(f"{latents['_target_']}.reads_captions")
    width_of_words = {"embedding_dim": embedding["embedding_dim"]} if reads else {}
    codes = build(latents, width=seeing.width, positions=seeing.positions, **width_of_words)
    if not attention and isinstance(codes, GaussianLatents):
        codes.places.requires_grad_(False)  # nobody looks at them, and processes would wait for their gradients
    joining = build(combiner, style_dim=codes.style_dim, content_dim=codes.content_dim)
    words = build(embedding, vocab_size=vocabulary.size, pad_id=vocabulary.pad_id)
    places = {"width": codes.places_width, "positions": seeing.positions}
    look = partial(build, attention, **places, hidden_size=decoder["hidden_size"]) if attention else None
    saying = build(decoder, embedding_dim=words.embedding_dim, context_dim=joining.context_dim, attention=look)
    return Captioner(
        encoder=seeing,
        latents=codes,
        combiner=joining,
        embedding=words,
        decoder=saying,
        middle=build(middle, in_dim=saying.hidden_size, vocab_size=vocabulary.size),
        relaxation=build(relaxation),
        image_decoder=build(image_decoder, embedding_dim=words.embedding_dim) if image_decoder else None,
        prefix=vocabulary.prefix,
    )
