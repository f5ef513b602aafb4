"""From an image's features to sentences: codes are drawn, a strategy says captions, the tokenizer spells them.

Shape legend: B images, N captions or their codes, P grid positions, D feature width, L tokens, S style.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.generation import ConstrainedBeam, LatentSampling, Sample, Strategy
from lightning_modules.networks import Captioner
from lightning_modules.networks.latents import FromPosterior, FromPrior, Given, Latents, Source
from utils.seeding import Generators

Constraints = Sequence[str] | Sequence[Sequence[str]] | None
"""Words that every caption must contain: for all images, or a list for each; None for those of the strategy."""


class GeneratedBatch(NamedTuple):
    """Generated captions of a batch of images.

    Attributes:
        captions: For each image its captions, the best first where the strategy ranks them.
        tokens_NL: The same as token ids, image by image; what `reconstruct` reads.
        log_probability_N: log P(caption | S, C) in nats, without any filter or penalty of the strategy's.
        score_N: What the strategy ranks by, the higher the better.
        finished_N: Whether the caption has come to its end; the others were cut.
        latents: The codes that they were said from, equally many of each image and equally many captions of each code.
    """

    captions: list[list[str]]
    tokens_NL: Tensor
    log_probability_N: Tensor
    score_N: Tensor
    finished_N: Tensor
    latents: Latents


def sample_latents(
    network: Captioner,
    features_BPD: Tensor,
    sampling: LatentSampling,
    style_NS: Tensor | None = None,
    generators: Generators | None = None,
) -> Latents:
    """Draw each image's codes, or those of given styles, equally many of each image.

    Args:
        network: The captioner's network.
        features_BPD: What it sees of the images.
        draws: How many codes, and from where.
        style_NS: Styles, equally many of each image, in the order of the images; None to draw them.
        generators: One for each image; None for PyTorch's own.

    Raises:
        ValueError: The styles have a wrong shape.
    """
    style_from: Source = (FromPrior if sampling.from_prior else FromPosterior)(sampling.style_scale, generators)
    num_images, num = len(features_BPD), sampling.num
    if style_NS is not None:
        style_dim = network.latents.style_dim
        if style_NS.ndim != 2 or style_NS.shape[1] != style_dim or not len(style_NS) or len(style_NS) % num_images:
            raise ValueError(
                f"expected styles of {style_dim} numbers, equally many of each of the {num_images} images, "
                f"got a tensor of shape {[*style_NS.shape]}"
            )
        style_from, num = Given(style_NS), len(style_NS) // num_images
    image_of_code_N = torch.arange(num_images, device=features_BPD.device).repeat_interleave(num)
    return network.latents(features_BPD, image_of_code_N, style_from, FromPosterior(sampling.content_scale, generators))


def generate_captions(
    network: Captioner,
    tokenizer: CaptionTokenizer,
    latents: Latents,
    strategy: Strategy,
    *,
    num_images: int,
    words: Constraints = None,
    generators: Generators | None = None,
) -> GeneratedBatch:
    """Say captions from codes, equally many of each image, in the order of the images.

    Args:
        network: The captioner's network.
        tokenizer: Its tokenizer.
        latents: The codes.
        strategy: How.
        num_images: How many images the codes are of.
        words: What every caption must contain.
        generators: One for each image; None for PyTorch's own.

    Raises:
        ValueError: A wanted word is unknown, the strategy cannot be constrained, or its captions may become too long.
    """
    refuse_long_strategy(network, strategy)
    num_codes = len(latents.style.sample)
    device = latents.style.sample.device
    if isinstance(strategy, ConstrainedBeam):
        constraints = tokenize_constraints(tokenizer, strategy.words if words is None else words, num_images, num_codes)
        strategy = strategy.with_constraints(constraints, continuing=tokenizer.continuing, device=device)
    elif words:
        raise ValueError(
            f"words={words} need a strategy that can be made to say them, generation=constrained_beam; "
            f"got {type(strategy).__name__}"
        )
    if isinstance(strategy, Sample) and generators is not None:
        strategy = strategy.with_generators(generators)
    first_N = torch.full((num_codes,), tokenizer.vocabulary.prefix[-1], device=device)
    generated = strategy(network, network.start(latents), first_N, tokenizer.vocabulary)
    texts = tokenizer.decode_batch(generated.tokens_NL.cpu())
    each = len(texts) // num_images
    return GeneratedBatch([texts[i : i + each] for i in range(0, len(texts), each)], *generated, latents)


def tokenize_constraints(
    tokenizer: CaptionTokenizer, words: Sequence[str] | Sequence[Sequence[str]], num_images: int, num_codes: int
) -> list[list[list[int]]]:
    """Return for each code the tokens of each wanted word or phrase.

    Raises:
        ValueError: There are lists for another number of images, or the vocabulary lacks a word.
    """
    by_image = [[word for word in words if isinstance(word, str)]] * num_images
    if words and not isinstance(words[0], str):
        by_image = [list(of_image) for of_image in words]
    if len(by_image) != num_images:
        raise ValueError(
            f"expected words for each of {num_images} images, or one list for all, got {len(by_image)} lists"
        )
    spelled = [[_spell(tokenizer, word) for word in of_image] for of_image in by_image]
    return [phrases for phrases in spelled for _ in range(num_codes // num_images)]


def _spell(tokenizer: CaptionTokenizer, phrase: str) -> list[int]:
    if not phrase.strip():
        raise ValueError(f"words: expected words to say, got {phrase!r}")
    for word in phrase.split():
        ids = tokenizer.tokenize_word(word)
        if not ids or tokenizer.vocabulary.unk_id in ids:
            similar = get_close_matches(word.lower(), tokenizer.words, n=3)
            advice = f"; it has {', '.join(similar)}" if similar else ""
            raise ValueError(f"words: the model's vocabulary has no {word!r}, so it cannot be said{advice}")
    return tokenizer.tokenize_word(phrase)


def refuse_long_captions(network: Captioner, tokenizer: CaptionTokenizer, strategy: Strategy) -> None:
    """Compare the longest captions that may be read in training with what the decoder can read, and those to be said.

    Raises:
        ValueError: The decoder has too few positions.
    """
    refuse_long_strategy(network, strategy)
    _refuse(network, tokenizer.max_length, "tokenizer.max_length", tokenizer.max_length)


def refuse_long_strategy(network: Captioner, strategy: Strategy) -> None:
    """Compare the longest captions that a strategy may say with what the decoder can read.

    Raises:
        ValueError: The decoder has too few positions.
    """
    _refuse(network, strategy.max_length - 1, "generation.max_length", strategy.max_length)  # the last is not read


def _refuse(network: Captioner, num_read: int, setting: str, value: int) -> None:
    most = network.decoder_text.most_tokens
    longest = len(network.prefix) + num_read
    if most is not None and longest > most:
        raise ValueError(
            f"{setting}={value} is too long for model.decoder.num_positions={most}; set it to at most "
            f"{value - longest + most}, or raise model.decoder.num_positions and train again"
        )
