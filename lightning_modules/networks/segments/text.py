"""Captions as a transformer of words and codes reads and predicts them.

Shape legend: N captions, L tokens, H hidden, V vocabulary.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lightning_modules.networks.position_combiners import PositionCombiner
from utils.require import require

POSITION_SCALE = 0.5  # of the positions at the start, where tokens have 1


class TextSegment(nn.Module):
    """Tokens to vectors, and states to the distribution of the next token.

    Args:
        hidden_size: H.
        vocab_size: V.
        pad_id: The padding, which fills captions at their right.
        eos_id: The end of a caption.
        prefix: Ids that every caption begins with; given, never predicted.
        num_positions: Most tokens of a caption, prefix included.
        padding: `masked`: nothing sees it. `learned`: every caption has `num_positions` tokens, and its padding at each
            position is a token of its own, which is seen and predicted as words are, as in DALL-E (Ramesh et al. 2021,
            section 2.2); these tokens come behind the vocabulary.
        position: How tokens meet their positions, which count from the prefix.

    Raises:
        ValueError: There is no such padding, or too few positions.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        vocab_size: int,
        pad_id: int,
        eos_id: int,
        prefix: Sequence[int],
        num_positions: int,
        padding: Literal["masked", "learned"],
        position: PositionCombiner,
    ) -> None:
        super().__init__()
        require(padding in ("masked", "learned"), "model.padding", "masked or learned", padding)
        longer = f"above {len(prefix)}, the tokens before a caption"
        require(num_positions > len(prefix), "model.num_positions", longer, num_positions)
        self.vocab_size = vocab_size
        self.pad_id = pad_id
        self.eos_id = eos_id
        self.prefix = tuple(prefix)
        self.num_positions = num_positions
        self.learned_padding = padding == "learned"
        num_tokens = vocab_size + (num_positions - len(prefix) if self.learned_padding else 0)
        self.table = nn.Embedding(num_tokens, hidden_size)
        self.position_LH = nn.Parameter(POSITION_SCALE * torch.randn(num_positions, hidden_size))
        self.position = position
        self.head = nn.Linear(hidden_size, num_tokens)

    def embed(self, tokens_NL: Tensor, start: int = 0) -> Tensor:
        """Return the vectors of tokens of which the first is the caption's token number `start`: `x_NLH`.

        Raises:
            ValueError: The captions have more tokens than there are positions.
        """
        end = start + tokens_NL.shape[1]
        if end > self.num_positions:
            raise ValueError(
                f"model.num_positions={self.num_positions} is too few for captions of {end} tokens; raise it and train "
                f"again, or lower generation.max_length or tokenizer.max_length"
            )
        x_NLH: Tensor = self.position(self.table(tokens_NL), self.position_LH[start:end])
        return x_NLH

    def filled(self, tokens_NL: Tensor) -> Tensor:
        """Return captions, prefix included, with the tokens of their padding where that is learned."""
        if not self.learned_padding:
            return tokens_NL
        missing = self.num_positions - tokens_NL.shape[1]
        tokens_NL = pad(tokens_NL, (0, max(missing, 0)), value=self.pad_id)
        numbers_L = torch.arange(tokens_NL.shape[1], device=tokens_NL.device) - len(self.prefix) + self.vocab_size
        is_padding_NL = tokens_NL.eq(self.pad_id) & (numbers_L >= self.vocab_size)
        return torch.where(is_padding_NL, numbers_L, tokens_NL)

    def is_token(self, tokens_NL: Tensor) -> Tensor:
        """Return which tokens of filled captions, prefix included, are no padding: [N, L]."""
        is_token_NL = tokens_NL.ne(self.pad_id)
        is_token_NL[:, : len(self.prefix)] = True
        return is_token_NL

    def with_prefix(self, tokens_NL: Tensor) -> Tensor:
        """Return captions of tokens after the prefix with it."""
        return torch.cat([torch.tensor(self.prefix, device=tokens_NL.device).expand(len(tokens_NL), -1), tokens_NL], 1)

    def null_tokens(self) -> Tensor:
        """Return the caption without a word, which is no condition at all: [1, L], prefix and end."""
        return torch.tensor([[*self.prefix, self.eos_id]], device=self.table.weight.device)
