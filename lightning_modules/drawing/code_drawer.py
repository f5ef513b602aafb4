"""How a model draws whose features of an image are its codes.

Shape legend: B images, N captions, R drawings, L tokens, P positions of the grid of codes, Q of them that are given,
D features of a position, C channels, H rows, W columns.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.drawing.drawer import Drawer
from lightning_modules.drawing.drawing_network import DrawingNetwork, draw_tokens
from lightning_modules.generation import Drawing, GreedyDrawing
from lightning_modules.results.drawn import Drawn
from utils.seeding import Generators


class CodeDrawer(Drawer):
    """Draws with a `DrawingNetwork`, for a `CaptioningModule` to inherit from whose `encode` gives codes, [B, P, 1].

    Its reconstruction of an image from a caption is the greedy drawing of the caption.

    Attributes:
        tokenizer: The model's tokenizer.
    """

    can_draw = True
    can_reconstruct = True
    if TYPE_CHECKING:  # of the module
        tokenizer: CaptionTokenizer
        device: torch.device

        def encode(self, images_BCHW: Tensor) -> Tensor: ...

    @property
    @abstractmethod
    def drawing_network(self) -> DrawingNetwork:
        """The network that draws."""

    @property
    def num_codes(self) -> int:
        return self.drawing_network.num_codes

    @property
    def code_grid(self) -> tuple[int, int]:
        return self.drawing_network.grid_size

    def draw(
        self,
        captions: Sequence[str],
        drawing: Drawing | None = None,
        *,
        given_RQ: Tensor | None = None,
        generators: Generators | None = None,
    ) -> Drawn:
        tokens_RL = self._with_prefix(self.tokenizer.tokens_after_prefix(captions).to(self.device))
        return draw_tokens(
            self.drawing_network,
            tokens_RL,
            drawing or GreedyDrawing(),
            pad_id=self.tokenizer.vocabulary.pad_id,
            given_RQ=given_RQ,
            generators=generators,
        )

    def codes_of(self, images_BCHW: Tensor) -> Tensor:
        return self.encode(images_BCHW).squeeze(-1).long()

    def features_of_codes(self, codes_BP: Tensor) -> Tensor:
        return codes_BP.unsqueeze(-1)

    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        """Return the greedy drawings of captions (token ids after the prefix, padded); `images_NCHW` in [0, 1]."""
        pad_id = self.tokenizer.vocabulary.pad_id
        return draw_tokens(
            self.drawing_network, self._with_prefix(tokens_NL), GreedyDrawing(), pad_id=pad_id
        ).images_RCHW

    def _with_prefix(self, tokens_NL: Tensor) -> Tensor:
        prefix_L = torch.tensor(self.tokenizer.vocabulary.prefix, device=tokens_NL.device)
        return torch.cat([prefix_L.expand(len(tokens_NL), -1), tokens_NL], dim=1)
