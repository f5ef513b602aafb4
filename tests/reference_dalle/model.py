"""DALLE-pytorch's `DALLE` in small, with random weights: what our transformer over words and codes is held against.

It reads text first: `<bos>`, L text tokens, P codes; position i predicts token i + 1. Of its options those are off that
Facet does not have: rotary positions, shifted tokens, sparse and shared layers.

Shape legend: N captions, L text tokens, P codes, V text vocabulary with the L tokens of padding, K codes.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.anchors import dalle_pytorch

SPREAD = 0.2  # of all weights, so that no logit is near that of another token


class Losses(NamedTuple):
    """Its loss, and the two terms of it: nats of a token, the mean over tokens and captions, padding included."""

    text: Tensor
    codes: Tensor
    loss: Tensor


class ReferenceDALLE:
    """A `DALLE` with random weights.

    Args:
        num_words: Text vocabulary without padding; id 0 is padding, and `<bos>` before the text.
        text_length: L, tokens of every text; shorter ones are padded with 0.
        num_codes: K.
        grid: Rows and columns of the code grid, a power of two.
        depth: Layers.
        hidden_size: Width.
        num_heads: Heads; they share the width.
        seed: Of the weights.

    Attributes:
        model: The package's own `DALLE`, in evaluation mode.
    """

    def __init__(
        self,
        *,
        num_words: int = 20,
        text_length: int = 6,
        num_codes: int = 32,
        grid: int = 4,
        depth: int = 2,
        hidden_size: int = 48,
        num_heads: int = 2,
        seed: int = 0,
    ) -> None:
        package = dalle_pytorch()
        vae = package.DiscreteVAE(image_size=2 * grid, num_layers=1, num_tokens=num_codes, codebook_dim=8, hidden_dim=8)
        torch.manual_seed(seed)
        self.model: Any = package.DALLE(
            dim=hidden_size,
            vae=vae,
            num_text_tokens=num_words,
            text_seq_len=text_length,
            depth=depth,
            heads=num_heads,
            dim_head=hidden_size // num_heads,
            rotary_emb=False,
            shift_tokens=False,
        ).eval()
        self.text_length = text_length
        self.num_texts = num_words + text_length
        self.num_places = grid**2
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if not name.startswith("vae."):
                    parameter.normal_(std=SPREAD)

    @torch.no_grad()
    def logits(self, text_NL: Tensor, codes_NP: Tensor) -> tuple[Tensor, Tensor]:
        """Return `text_logits_NLV` and `code_logits_NPK`, each of its own vocabulary: the masked ones are left out."""
        both_NTW = self.model(text_NL.clone(), codes_NP)
        return (
            both_NTW[:, : self.text_length, : self.num_texts],
            both_NTW[:, self.text_length :, self.num_texts :],
        )

    @torch.no_grad()
    def losses(self, text_NL: Tensor, codes_NP: Tensor) -> Losses:
        """Return the package's loss, (text + 7 · codes) / 8, and its terms."""
        text_logits_NLV, code_logits_NPK = self.logits(text_NL, codes_NP)
        return Losses(
            cross_entropy(text_logits_NLV.transpose(1, 2), self.padded(text_NL)),
            cross_entropy(code_logits_NPK.transpose(1, 2), codes_NP),
            self.model(text_NL.clone(), codes_NP, return_loss=True),
        )

    def padded(self, text_NL: Tensor) -> Tensor:
        """Return texts as the package reads and predicts them: the padding at each position is a token of its own."""
        own_L = torch.arange(self.text_length) + self.num_texts - self.text_length
        return torch.where(text_NL == 0, own_L, text_NL)

    @torch.no_grad()
    def greedy_codes(self, text_NL: Tensor, *, cached: bool = False) -> Tensor:
        """Return `codes_NP`, of which each is the likeliest after those before it.

        Args:
            text_NL: The texts.
            cached: Whether the package's cache of keys and values is used, rather than a full pass for each code. Its
                own `generate_images` does not pass it on, unless there is guidance.
        """
        codes_NP = text_NL.new_zeros(len(text_NL), 0)
        cache: dict[str, Any] | None = {} if cached else None
        for _ in range(self.num_places):
            logits_NW = self.model(text_NL.clone(), codes_NP, cache=cache)[:, -1, self.num_texts :]
            codes_NP = torch.cat([codes_NP, logits_NW.argmax(dim=-1, keepdim=True)], dim=1)
        return codes_NP
