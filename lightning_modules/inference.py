"""From an image's features to captions: latents are sampled, a strategy generates tokens, the tokenizer makes text.

What any family of captioners can share; the mathematics is in `generation` and `networks`.

Shape legend: B images, N latent samples or captions, image by image, K latent samples of an image, X means of the
mixtures of all images, P positions, D features, L tokens, S style.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.base import Constraints, GeneratedBatch
from lightning_modules.generation import (
    Generated,
    Greedy,
    LatentSampling,
    MixtureState,
    MixtureStepper,
    Request,
    Selection,
    SpecialTokens,
    Stepper,
    Strategy,
    rows_in_sets,
)
from lightning_modules.networks import Captioner
from lightning_modules.networks.latents import (
    INDEPENDENT,
    MEAN,
    Clustered,
    Distribution,
    FromPosterior,
    FromPrior,
    GaussianMixture,
    Given,
    Latents,
    SideBySide,
    Source,
    latents_of_means,
    stratified,
)
from lightning_modules.results.explanation import Explanation
from lightning_modules.results.generated import CaptionCodes
from utils.seeding import Generators

DECIDING_WORDS = 8  # first ones of a caption, which tell the mean that it follows from


def sample_latents(
    latents: nn.Module,
    features_BPD: Tensor,
    sampling: LatentSampling,
    style_NS: Tensor | None = None,
    generators: Generators | None = None,
    *,
    mean: Source = MEAN,
) -> Latents:
    """Sample each image's latents, or those of given styles, equally many of each image.

    Args:
        latents: The stage of the network (see `lightning_modules.networks.latents`).
        features_BPD: The encoder's features of the images.
        sampling: How many, and from where.
        style_NS: Styles, equally many of each image, in the order of the images; None to sample them.
        generators: One for each image; None for PyTorch's own.
        mean: What S is where nothing is drawn.

    Raises:
        ValueError: The styles have a wrong shape.
    """
    num_images, num = len(features_BPD), sampling.num
    style_from = style_source(sampling, generators, num_images, mean)
    if style_NS is not None:
        style_dim = latents.style_dim
        if style_NS.ndim != 2 or style_NS.shape[1] != style_dim or not len(style_NS) or len(style_NS) % num_images:
            raise ValueError(
                f"expected styles of {style_dim} numbers, equally many of each of the {num_images} images, "
                f"got a tensor of shape {[*style_NS.shape]}"
            )
        style_from, num = Given(style_NS), len(style_NS) // num_images
    image_of_sample_N = torch.arange(num_images, device=features_BPD.device).repeat_interleave(num)
    content_from = content_source(sampling, generators)
    sampled: Latents = latents(features_BPD, image_of_sample_N, style_from, content_from)
    return sampled


def style_source(
    sampling: LatentSampling, generators: Generators | None, num_images: int, mean: Source = MEAN
) -> Source:
    """Return where the styles of images come from; arguments as of `sample_latents`."""
    if sampling.parts:
        sources = [style_source(part, generators, num_images, mean) for part in sampling.parts]
        return SideBySide(tuple(sources), tuple(part.num for part in sampling.parts))
    if sampling.style_scale == 0 and not sampling.from_prior:
        return mean
    noise = INDEPENDENT if sampling.strata is None else stratified(sampling.strata)
    if sampling.distinct:
        noise = noise._replace(num_distinct=sampling.num)
    source = (FromPrior if sampling.from_prior else FromPosterior)(sampling.style_scale, generators, noise)
    of_images = generators or [torch.default_generator] * num_images
    if sampling.clustered:
        return Clustered(source, of_images)
    return source if sampling.strata is None else replace(source, generators=of_images)


def content_source(sampling: LatentSampling, generators: Generators | None) -> Source:
    """Return where the contents of images come from, given their styles."""
    if sampling.parts:
        sources = [content_source(part, generators) for part in sampling.parts]
        return SideBySide(tuple(sources), tuple(part.num for part in sampling.parts))
    return FromPosterior(sampling.content_scale, generators)


@dataclass(frozen=True)
class LikeliestStyle:
    """A source of S (see `networks.latents.Source`): where nothing is drawn, the mean that the likeliest caption has.

    Of a mixture p(S|I) = Σ_k π_k N(μ_k, σ_k) it is one of the K means. The heaviest Gaussian alone need not have it:
    a way to describe an image may be shared out among several. So a caption is begun greedily by
    Σ_k π_k P(w | S = μ_k, C, I), an estimate of P(w | I), and S is the mean that its first `DECIDING_WORDS` most likely
    follow from. Of any other distribution it is the mean.

    Args:
        network: The network.
        features_BPD: The encoder's features of the images.
        special: The special ids.
        max_length: Most tokens of a caption, `<eos>` included.
    """

    network: Captioner
    features_BPD: Tensor
    special: SpecialTokens
    max_length: int

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        """Return S of each caption, equally many of each image, in the order of the images: [N, S]."""
        if not isinstance(posterior, GaussianMixture):
            return posterior.mean
        num_images = len(self.features_BPD)
        num = len(posterior.log_weight_NK) // num_images
        mixture = posterior.select(num * torch.arange(num_images, device=self.features_BPD.device))
        return self._of_images(mixture).repeat_interleave(num, dim=0)

    def _of_images(self, mixture: GaussianMixture) -> Tensor:
        num_images, num_means = mixture.log_weight_NK.shape
        latents = latents_of_means(self.network.latents, self.features_BPD, mixture)
        state = MixtureState(self.network.start(latents), mixture.log_weight_NK)
        first_B = torch.full((num_images,), self.network.prefix[-1], device=self.features_BPD.device)
        greedy = Greedy(max_length=min(self.max_length, DECIDING_WORDS))
        caption = greedy(MixtureStepper(self.network), state, first_B, self.special)
        nats_X = self.network.log_probability(latents, caption.tokens_NL.repeat_interleave(num_means, dim=0))
        chosen_B = (mixture.log_weight_NK + nats_X.view(num_images, num_means)).argmax(dim=1)
        return mixture.mean_NKZ[torch.arange(num_images, device=chosen_B.device), chosen_B]


def generate_captions(
    stepper: Stepper,
    state: Any,
    tokenizer: CaptionTokenizer,
    strategy: Strategy,
    *,
    num_images: int,
    num_states: int,
    device: torch.device,
    latents: CaptionCodes | None = None,
    words: Constraints = None,
    generators: Generators | None = None,
) -> GeneratedBatch:
    """Generate captions from the states of a decoder, equally many of each image, in the order of the images.

    Args:
        stepper: The decoder.
        state: Its state before the last token of the prefix, a row for each latent sample.
        tokenizer: The model's tokenizer.
        strategy: How.
        num_images: How many images the states are of.
        num_states: How many rows the state has.
        device: Where the decoder is.
        latents: What the states were made of; None for a model without.
        words: What every caption must contain; None for the words of the strategy.
        generators: One for each image; None for PyTorch's own.

    Raises:
        ValueError: A word is unknown, or the strategy cannot be constrained.
    """
    words = strategy.words if words is None else words
    request = Request(
        generators=generators,
        constraints=tokenize_constraints(tokenizer, words, num_images, num_states),
        continuing=tokenizer.continuing if words else (),
        device=device,
    )
    first_N = torch.full((num_states,), tokenizer.vocabulary.prefix[-1], device=device)
    generated = strategy.bind(request)(stepper, state, first_N, tokenizer.vocabulary)
    selection = strategy.select(generated, tokenizer.vocabulary, num_images)
    num_draws_B = None
    if selection is not None:
        generated, latents = keep(selection, generated, latents)
        num_draws_B = selection.num_draws_S.view(num_images, -1).sum(dim=1)
    texts = tokenizer.decode_batch(generated.tokens_NL.cpu())
    each = len(texts) // num_images
    captions = [texts[i : i + each] for i in range(0, len(texts), each)]
    return GeneratedBatch(captions, *generated, latents, num_draws_B)


def keep(
    selection: Selection, generated: Generated, latents: CaptionCodes | None
) -> tuple[Generated, CaptionCodes | None]:
    """Return the selected captions, and the latents of each of them."""
    rows = rows_in_sets(selection.chosen_SF, len(generated.tokens_NL) // len(selection.chosen_SF))
    return Generated(*(part[rows] for part in generated)), None if latents is None else latents.select(rows)


class Scorer(Protocol):
    """What tells how likely a caption is from its codes; `networks.Captioner` does."""

    def log_probability(self, latents: Any, tokens_NL: Tensor) -> Tensor:
        """Return log P of captions, each from its own codes, in nats: [N]."""
        ...


def likelihood_of_images(scorer: Scorer, latents: CaptionCodes, tokens_NL: Tensor, *, num_images: int) -> Tensor:
    """Return log P(caption | image) of each caption given each image, in nats: [N, B].

    log (1/K) Σ_k P(caption | S_k, C_k) over the K latents of an image: a Monte Carlo estimate of the likelihood.

    Args:
        scorer: The network.
        latents: K of each image, in the order of the images.
        tokens_NL: The captions, tokens after the prefix, padded.
        num_images: How many images.
    """
    num_codes, num_captions = latents.num_samples, len(tokens_NL)
    rows = torch.arange(num_codes, device=tokens_NL.device).repeat_interleave(num_captions)
    nats = scorer.log_probability(latents.select(rows), tokens_NL.repeat(num_codes, 1))
    nats_BKN = nats.view(num_images, -1, num_captions)
    return (nats_BKN.logsumexp(dim=1) - math.log(nats_BKN.shape[1])).T


def explain_captions(network: Captioner, latents: Latents, tokens_NL: Tensor, *, attention: bool = True) -> Explanation:
    """Return how a network comes to each word of captions from given latents.

    Args:
        network: The network, in evaluation mode.
        latents: Equally many captions follow from each, side by side.
        tokens_NL: The captions, tokens after the prefix, padded.
        attention: Whether to look at the attention, too.

    Raises:
        ValueError: There are not equally many captions of each sample of the latents.
    """
    latents = latents.select(origins_of_captions(tokens_NL, latents.num_samples, "samples of the latents"))
    predictions = network.word_predictions(latents, tokens_NL)
    if not attention:
        return Explanation(predictions)
    return Explanation(predictions, network.attention_weights(latents, tokens_NL), network.encoder.grid)


def origins_of_captions(tokens_NL: Tensor, num_origins: int, origins: str) -> Tensor:
    """Return the row of what each caption comes from, equally many captions of each, side by side: [N].

    Args:
        tokens_NL: The captions.
        num_origins: How many rows that has.
        origins: What they are, for the message.

    Raises:
        ValueError: There are not equally many captions of each.
    """
    each, rest = divmod(len(tokens_NL), num_origins)
    if rest or not each:
        raise ValueError(f"expected equally many captions of each of {num_origins} {origins}, got {len(tokens_NL)}")
    return torch.arange(num_origins, device=tokens_NL.device).repeat_interleave(each)


def tokenize_constraints(
    tokenizer: CaptionTokenizer, words: Sequence[str] | Sequence[Sequence[str]], num_images: int, num_states: int
) -> list[list[list[int]]]:
    """Return for each latent sample the tokens of each word or phrase that its captions must contain.

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
    tokenized = [[_tokenize(tokenizer, word) for word in of_image] for of_image in by_image]
    return [phrases for phrases in tokenized for _ in range(num_states // num_images)]


def _tokenize(tokenizer: CaptionTokenizer, phrase: str) -> list[int]:
    if not phrase.strip():
        raise ValueError(f"words: expected words to generate, got {phrase!r}")
    for word in phrase.split():
        ids = tokenizer.tokenize_word(word)
        if not ids or tokenizer.vocabulary.unk_id in ids:
            similar = get_close_matches(word.lower(), tokenizer.words, n=3)
            advice = f"; it has {', '.join(similar)}" if similar else ""
            raise ValueError(f"words: the model's vocabulary has no {word!r}, so it cannot be generated{advice}")
    return tokenizer.tokenize_word(phrase)
