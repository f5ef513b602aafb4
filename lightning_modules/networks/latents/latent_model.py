"""Shape legend: B images, N captions, P positions of the encoder's grid, D features of a position."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from lightning_modules.networks.latents.latents import CaptionWords, Latents
from lightning_modules.networks.latents.sources import POSTERIOR, Source
from lightning_modules.networks.memories import PredictedWords


class LatentModel(nn.Module, ABC):
    """From the encoder's features to style and content, q(S|I) and q(C|I,S).

    Its constructor takes `width` and `positions` (D and P of the encoder), `memory_dim` (see `Encoder`),
    `embedding_dim` (the width of words, for a posterior that reads captions), and the keys of its YAML.

    Attributes:
        style_dim: Dimensions of S.
        content_dim: Dimensions of C.
        memory_dim: Width of each position of the memory that attention reads.
        reads_captions: Whether the posterior of training reads the caption.
        style_sees_image: Whether S depends on the image where no caption is known.
        discrete: Which of `style` and `content` are choices from a codebook; their distributions are `CategoricalCode`.
    """

    style_dim: int
    content_dim: int
    memory_dim: int
    reads_captions: bool = False
    style_sees_image: bool = True
    discrete: tuple[str, ...] = ()

    @abstractmethod
    def forward(
        self,
        features_BPD: Tensor,
        image_of_caption_N: Tensor,
        style_from: Source = POSTERIOR,
        content_from: Source = POSTERIOR,
        caption: CaptionWords | None = None,
        step: int = 0,
    ) -> Latents:
        """Sample a style and a content for each caption.

        Args:
            features_BPD: The encoder's features.
            image_of_caption_N: For each caption the row of its image in `features_BPD`.
            style_from: Where S comes from.
            content_from: Where C comes from, given S.
            caption: The caption's words, for a posterior that reads them; None where they are not known yet.
            step: Training step, by which a relaxation's temperature may change.
        """

    def remember_words(self, words: PredictedWords) -> None:
        """Let attention read predicted words, too, as further places of the memory.

        Raises:
            ValueError: The memory is another thing than the image's features.
        """
        raise ValueError(
            f"model/memory=predicted_words would let the decoder read of the image what {type(self).__name__} leaves "
            f"out of its memory; choose model/memory=none or other latents"
        )

    def leave_out_memory(self) -> None:
        """Train nothing that attention alone reads, where there is none: other processes would wait for gradients."""
        return
