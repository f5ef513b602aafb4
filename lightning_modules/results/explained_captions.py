"""Generated captions, explained word by word.

Shape legend: B images, N captions, image by image, P positions, D features.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from lightning_modules.base import CaptioningModule, GeneratedBatch
from lightning_modules.results.explanation import ExplainedWord, explained_words


class ExplainedCaption(NamedTuple):
    """A generated caption, and how the model comes to each of its words.

    Attributes:
        caption: The caption.
        words: Its words, and its end if it has come to one.
        log_probability: log P(caption | codes) in nats.
        finished: Whether it has come to its end; otherwise it was cut.
    """

    caption: str
    words: Sequence[ExplainedWord]
    log_probability: float
    finished: bool


def explained_captions(
    captioner: CaptioningModule, features_BPD: Tensor, generated: GeneratedBatch
) -> list[list[ExplainedCaption]]:
    """Return the captions of each image explained.

    Raises:
        ValueError: The captioner cannot tell.
    """
    explanation = captioner.explain(features_BPD, generated.tokens_NL, generated.latents)
    words = iter(explained_words(captioner.tokenizer, generated.tokens_NL, explanation))
    return [
        [
            ExplainedCaption(caption, next(words), nats, finished)
            for caption, nats, finished in zip(
                of_image.captions, of_image.log_probabilities, of_image.finished, strict=True
            )
        ]
        for of_image in generated.by_image()
    ]
