"""One caption for each of many codes: the model's own way to diversity.

Shape legend: N captions, L tokens, S sets of captions, K captions of a set.
"""

from copy import copy
from typing import Any, Literal

from torch import Tensor

from lightning_modules.generation.beam import Beam
from lightning_modules.generation.greedy import Greedy
from lightning_modules.generation.sample import Sample
from lightning_modules.generation.selection import first_different, length_normalised, most_different
from lightning_modules.generation.strategy import (
    Generated,
    LatentSampling,
    Request,
    Selection,
    SpecialTokens,
    Stepper,
    Strategy,
)
from utils.require import require

SPREADS = ("independent", "stratified", "clusters")


class Latent(Strategy):
    """Samples S (and C, by option) and generates a caption of each sample: the best one, so that no word is random.

    With `max_draws` more samples are drawn than captions are wanted, and the first ones that differ are kept, or, with
    `diversity`, those that differ most while all are likely. Each result tells how many draws it took.

    Args:
        num: Captions an image.
        max_draws: Samples of the latents, `num` or more, of whose captions `num` are kept; repeats only where fewer
            differ. None keeps the captions of `num` samples, repeats too.
        source: Where S is sampled from: `posterior`, q(S|I), or `prior`.
        latent_scale: Multiplies the standard deviations that latents are sampled with; report it with every score.
        vary_content: Sample C from q(C|I,S), too; otherwise it is the mean.
        distinct: Sample the styles of an image without replacement where they are discrete, so that all differ; with a
            `latent_scale` of 0 all are the likeliest one nevertheless. Needs `spread` to be `independent`.
        spread: `independent` draws each S alone. `stratified` spreads `num` at a time over the distribution, a discrete
            one in each group by itself; each S alone is distributed as before. `clusters` draws many, puts them into as
            many clusters as samples are wanted, and takes the S in the middle of each, the largest cluster first: from
            a mixture these differ, from a single Gaussian they lie nearer to its mean than draws do.
        temperature: Divides the logits that words are sampled from; 0 generates the best caption.
        beam_size: Beams that each caption is searched with (see `Beam`); 1 is greedy.
        length_penalty: Of beams and of `diversity`: captions are ranked by log P / ((5 + length) / 6)^length_penalty.
        diversity: Of all captions those are kept, the best first, of the highest maximal marginal relevance: log P, as
            above, less `diversity` nats · the likeness, 0 to 1, to the most similar one before (`most_different`). None
            keeps the first ones that differ.
        max_length: Most tokens of a caption, `<eos>` included.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        *,
        num: int = 5,
        max_draws: int | None = None,
        source: Literal["posterior", "prior"] = "posterior",
        latent_scale: float = 1.0,
        vary_content: bool = False,
        distinct: bool = False,
        spread: Literal["independent", "stratified", "clusters"] = "independent",
        temperature: float = 0.0,
        beam_size: int = 1,
        length_penalty: float = 0.6,
        diversity: float | None = None,
        max_length: int = 40,
    ) -> None:
        require(num >= 1, "generation.num", "at least 1", num)
        require(max_draws is None or max_draws >= num, "generation.max_draws", f"null or at least num={num}", max_draws)
        require(source in ("posterior", "prior"), "generation.source", "posterior or prior", source)
        require(latent_scale >= 0, "generation.latent_scale", "0 or more", latent_scale)
        require(spread in SPREADS, "generation.spread", "independent, stratified or clusters", spread)
        require(spread == "independent" or not distinct, "generation.spread", "independent with distinct=true", spread)
        require(temperature >= 0, "generation.temperature", "0 or more", temperature)
        sampled = f"0 with beam_size={beam_size}, whose words are not sampled"
        require(beam_size == 1 or temperature == 0, "generation.temperature", sampled, temperature)
        require(diversity is None or diversity >= 0, "generation.diversity", "null, 0 or more", diversity)
        require(length_penalty >= 0, "generation.length_penalty", "0 or more", length_penalty)
        self.num = num
        self.max_draws = max_draws
        self.diversity = diversity
        self.length_penalty = length_penalty
        self.latents = LatentSampling(
            num=num if max_draws is None else max_draws,
            style_scale=latent_scale,
            content_scale=latent_scale if vary_content else 0.0,
            from_prior=source == "prior",
            distinct=distinct,
            strata=num if spread == "stratified" else None,
            clustered=spread == "clusters",
        )
        self.max_length = max_length
        self.search: Strategy
        if temperature > 0:
            self.search = Sample(temperature=temperature, max_length=max_length)
        elif beam_size == 1:
            self.search = Greedy(max_length=max_length)
        else:
            self.search = Beam(beam_size=beam_size, length_penalty=length_penalty, max_length=max_length)

    def bind(self, request: Request) -> Strategy:
        """Return the same strategy that samples an image's words, if any, with the image's own generator."""
        latent = copy(super().bind(request))
        assert isinstance(latent, Latent)
        latent.search = self.search.bind(request)
        return latent

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        return self.search(stepper, state, first_N, special)

    def select(self, generated: Generated, special: SpecialTokens, num_images: int) -> Selection | None:
        if self.max_draws is None and self.diversity is None:
            return None
        of_image, each = len(generated.tokens_NL) // num_images, self.latents.num
        require(
            of_image % each == 0,
            "generation.max_draws",
            f"null where styles are given, or each style given {each} times, for a caption of each is drawn again",
            f"{of_image} styles of each image",
        )
        tokens_SKL = generated.tokens_NL.unflatten(0, (-1, each))
        if self.diversity is None:
            return first_different(tokens_SKL, self.num)
        relevance_N = length_normalised(
            generated.log_probability_N, generated.tokens_NL, self.length_penalty, pad_id=special.pad_id
        )
        return most_different(
            tokens_SKL, relevance_N.view(-1, each), self.num, diversity=self.diversity, special=special
        )
