"""What generation asks of a decoder, what it returns, and the loop that all one-word-at-a-time strategies share.

Shape legend: N captions, L tokens, V vocabulary, S sets of captions, F captions of a set that are kept.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from utils.seeding import Generators

NEGATIVE_INFINITY = float("-inf")


class SpecialTokens(Protocol):
    """The ids that generation must know; `datamodules.tokenizers.Vocabulary` has them."""

    @property
    def pad_id(self) -> int: ...
    @property
    def eos_id(self) -> int: ...
    @property
    def suppressed_ids(self) -> tuple[int, ...]: ...


class StepState(Protocol):
    """What a decoder carries from one word to the next, for each caption a row."""

    def select(self, rows: Tensor) -> Self:
        """Return the state of the captions in `rows`, in that order; rows may repeat."""
        ...


class Stepper(Protocol):
    """The one interface of every decoder to generation."""

    def step(self, tokens_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token of each caption; return `logits_NV` of the next, and the `StepState` to go on from."""
        ...


class LatentSampling(NamedTuple):
    """How the latents are sampled that captions are generated from; C always follows from q(C|I,S).

    Attributes:
        num: Samples of each image.
        style_scale: Multiplies the standard deviations that S is drawn with; 0 takes the mean.
        content_scale: Multiplies the standard deviations that C is drawn with; 0 takes the mean.
        from_prior: Sample S from its prior instead of from q(S|I).
        distinct: Let the samples of an image have different styles where styles are discrete.
        strata: Samples of S that are spread over its distribution together, round after round; None draws each alone.
        clustered: Whether S are the middles of clusters of many that are drawn, instead of draws themselves.
        parts: Samplings whose samples stand side by side, `num` together, instead of all that is said above.
    """

    num: int = 1
    style_scale: float = 0.0
    content_scale: float = 0.0
    from_prior: bool = False
    distinct: bool = False
    strata: int | None = None
    clustered: bool = False
    parts: tuple["LatentSampling", ...] = ()


class Generated(NamedTuple):
    """Captions, code by code, of each code the best first where the strategy ranks them.

    Attributes:
        tokens_NL: The words after the prefix, `<eos>` unless the caption is unfinished, then padding.
        log_probability_N: log P(caption | codes) in nats, under the model's own distribution: no temperature, filter or
            penalty is in it.
        score_N: What the strategy ranks by, the higher the better.
        finished_N: Whether the caption has come to its end; the others were cut at `max_length`.
    """

    tokens_NL: Tensor
    log_probability_N: Tensor
    score_N: Tensor
    finished_N: Tensor


class Selection(NamedTuple):
    """Captions that are kept of those that were generated, in sets: of an image, or of each of its given styles.

    Attributes:
        chosen_SF: Their numbers within their set, from 0, in their new order.
        num_draws_S: How many captions of each set had to be generated for them.
    """

    chosen_SF: Tensor
    num_draws_S: Tensor


class Request(NamedTuple):
    """What is asked of a strategy beside its settings, for one batch.

    Attributes:
        generators: Where random numbers come from, one for each image; None for PyTorch's own.
        constraints: For each latent sample the phrases that its captions must contain, each as its tokens.
        continuing: Tokens that continue the word before them, such as the parts of a word under BPE. None of these may
            follow a constraint at once: it would be another word.
        device: Where the strategy will run.
    """

    generators: Generators | None = None
    constraints: Sequence[Sequence[Sequence[int]]] = ()
    continuing: Sequence[int] = ()
    device: torch.device | str = "cpu"


class Strategy(ABC):
    """A way to turn word distributions into captions.

    Its constructor takes whatever stands in its YAML under `conf/generation`. It is no dataclass: where strategies are
    parts of another, such as `Pool`, OmegaConf would make configs of them.

    Attributes:
        num: Captions of each image: equally many of each latent sample, or of all of these those that `select` keeps.
        latents: The latents that it generates them from.
        max_length: Most tokens of a caption, `<eos>` included.
        words: Words or phrases, as text, that every caption must contain unless told otherwise.
    """

    num: int = 1
    latents: LatentSampling = LatentSampling()
    max_length: int
    words: Sequence[str] = ()

    def bind(self, request: Request) -> "Strategy":
        """Return the strategy for one batch: with its random numbers and its constraints.

        Raises:
            ValueError: There are constraints, and the strategy cannot be made to keep them.
        """
        if any(request.constraints):
            raise ValueError(
                f"words need a strategy that can be made to generate them, generation=constrained_beam; "
                f"got {type(self).__name__}"
            )
        return self

    @abstractmethod
    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        """Generate captions from each latent sample, `num / latents.num` unless `select` leaves some out.

        Suppressed tokens are never generated, and a caption has at least one word.

        Args:
            stepper: The decoder.
            state: Its state before `first_N`, a row for each latent sample.
            first_N: The last token of each caption's prefix.
            special: The special ids.
        """

    def select(self, generated: Generated, special: SpecialTokens, num_images: int) -> Selection | None:
        """Return which captions are kept of those that were generated; None for all, in their order.

        Args:
            generated: One caption of each latent sample, those of an image side by side.
            special: The special ids.
            num_images: How many images they are of.

        Raises:
            ValueError: There are captions of another number of latent samples than it can select from.
        """
        return None


def generate(
    stepper: Stepper,
    state: Any,
    first_N: Tensor,
    special: SpecialTokens,
    *,
    choose: Callable[[Tensor, Sequence[Tensor]], Tensor],
    max_length: int,
) -> Generated:
    """Generate N captions word by word until all have ended, at most `max_length` tokens.

    Args:
        stepper: The decoder.
        state: Its state before `first_N`.
        first_N: The last token of each caption's prefix.
        special: The special ids.
        choose: From `logits_NV`, forbidden ones at −∞, and the tokens so far, `tokens_N` each, to the next ones.
        max_length: Most tokens of a caption, `<eos>` included.
    """
    tokens_N = first_N
    finished_N = torch.zeros_like(first_N, dtype=torch.bool)
    log_probability_N = torch.zeros_like(first_N, dtype=torch.float)
    generated: list[Tensor] = []
    while len(generated) < max_length and not finished_N.all():
        logits_NV, state = stepper.step(tokens_N, state)
        logits_NV = logits_NV.float()
        allowed_NV = allowed_words(logits_NV, special, torch.full_like(finished_N, not generated))
        tokens_N = choose(allowed_NV, generated).masked_fill(finished_N, special.pad_id)
        nats_N = logits_NV.log_softmax(dim=1).gather(1, tokens_N[:, None]).squeeze(1)
        log_probability_N = log_probability_N + nats_N.masked_fill(finished_N, 0.0)
        finished_N = finished_N | (tokens_N == special.eos_id)
        generated.append(tokens_N)
    return Generated(torch.stack(generated, dim=1), log_probability_N, log_probability_N, finished_N)


def allowed_words(logits_NV: Tensor, special: SpecialTokens, is_first_N: Tensor) -> Tensor:
    """Return the logits with −∞ for what is never generated: special tokens, and the end where no word came before."""
    suppressed_ids = torch.tensor(special.suppressed_ids, device=logits_NV.device)
    allowed_NV = logits_NV.index_fill(1, suppressed_ids, NEGATIVE_INFINITY)
    allowed_NV[:, special.eos_id] = allowed_NV[:, special.eos_id].masked_fill(is_first_N, NEGATIVE_INFINITY)
    return allowed_NV
