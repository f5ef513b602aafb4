"""One caption for each of many codes: the model's own way to diversity."""

from typing import Any, Literal

from torch import Tensor

from lightning_modules.generation.beam import Beam
from lightning_modules.generation.greedy import Greedy
from lightning_modules.generation.strategy import Generated, LatentSampling, SpecialTokens, Stepper, Strategy, require


class Latent(Strategy):
    """Samples S (and C, by option) `num` times, and generates the best caption of each: no word is random.

    Args:
        num: Captions an image.
        source: Where S is sampled from: `posterior`, q(S|I), or `prior`.
        latent_scale: Multiplies the standard deviations that latents are sampled with; report it with every score.
        vary_content: Sample C from q(C|I,S), too; otherwise it is the mean.
        distinct: Sample the styles of an image without replacement where they are discrete, so that all differ; with a
            `latent_scale` of 0 all are the likeliest one nevertheless.
        beam_size: Beams that each caption is searched with (see `Beam`); 1 is greedy.
        length_penalty: As for `Beam`; without effect on a greedy caption.
        max_length: Most tokens of a caption, `<eos>` included.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        *,
        num: int = 5,
        source: Literal["posterior", "prior"] = "posterior",
        latent_scale: float = 1.0,
        vary_content: bool = False,
        distinct: bool = False,
        beam_size: int = 1,
        length_penalty: float = 0.6,
        max_length: int = 40,
    ) -> None:
        require(num >= 1, "num", "at least 1", num)
        require(source in ("posterior", "prior"), "source", "posterior or prior", source)
        require(latent_scale >= 0, "latent_scale", "0 or more", latent_scale)
        self.num = num
        self.latents = LatentSampling(
            num=num,
            style_scale=latent_scale,
            content_scale=latent_scale if vary_content else 0.0,
            from_prior=source == "prior",
            distinct=distinct,
        )
        self.max_length = max_length
        self.search: Greedy | Beam = (
            Greedy(max_length=max_length)
            if beam_size == 1
            else Beam(beam_size=beam_size, length_penalty=length_penalty, max_length=max_length)
        )

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        return self.search(stepper, state, first_N, special)
