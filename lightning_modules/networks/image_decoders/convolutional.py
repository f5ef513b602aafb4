"""Reconstructs an image from its caption.

Shape legend: N captions, L tokens, E embedding, H hidden, P places, C channels, T top width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lightning_modules.networks.image_decoders.image_decoder import ImageDecoder
from lightning_modules.networks.layers.batch_norm import BatchNorm2d

COARSE_SIZE = 8  # rows and columns of the first, coarse drawing


class CaptionReader(nn.Module):
    """Reads a sentence in both directions; its vector at each word knows the words around it."""

    def __init__(self, *, embedding_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.recurrence = nn.GRU(embedding_dim, hidden_size // 2, batch_first=True, bidirectional=True)

    def forward(self, words_NLE: Tensor, mask_NL: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self._read_without_packing(words_NLE, mask_NL)
        lengths_N = mask_NL.sum(dim=1).clamp(min=1).cpu()
        packed = pack_padded_sequence(words_NLE, lengths_N, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.recurrence(packed)[0], batch_first=True, total_length=mask_NL.shape[1])[0]

    def _read_without_packing(self, words_NLE: Tensor, mask_NL: Tensor) -> Tensor:
        """Return the same vectors of the words; packed sequences cannot be exported. Those of padding differ."""
        last_N1 = mask_NL.sum(dim=1, keepdim=True) - 1
        place_1L = torch.arange(mask_NL.shape[1], device=mask_NL.device).unsqueeze(0)
        reversed_NL1 = torch.where(place_1L <= last_N1, last_N1 - place_1L, place_1L).unsqueeze(2)
        backwards_NLE = words_NLE.gather(1, reversed_NL1.expand(-1, -1, words_NLE.shape[2]))
        forth_NLh, back_NLh = self._read_one_way(words_NLE, ""), self._read_one_way(backwards_NLE, "_reverse")
        return torch.cat([forth_NLh, back_NLh.gather(1, reversed_NL1.expand_as(back_NLh))], dim=2)

    def _read_one_way(self, words_NLE: Tensor, direction: str) -> Tensor:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self.recurrence, f"{name}_l0{direction}") for name in names]
        initial_1Nh = words_NLE.new_zeros(1, words_NLE.shape[0], self.recurrence.hidden_size)
        read: Tensor = torch.gru(words_NLE, initial_1Nh, weights, True, 1, 0.0, False, False, True)[0]
        return read


class WordAttention(nn.Module):
    """Each place of the coarse drawing asks the sentence what stands there (attention with learned queries)."""

    def __init__(self, *, positions: int, hidden_size: int, num_heads: int = 4) -> None:
        super().__init__()
        self.query_PH = nn.Parameter(torch.randn(positions, hidden_size))
        self.position_PH = nn.Parameter(0.1 * torch.randn(positions, hidden_size))
        self.key_value = nn.Linear(hidden_size, 2 * hidden_size)
        self.num_heads = num_heads

    def forward(self, read_NLH: Tensor, mask_NL: Tensor) -> Tensor:
        heads = (self.num_heads, -1)
        query_KPh = self.query_PH.unflatten(-1, heads).transpose(0, 1)
        key_NLKh, value_NLKh = (part.unflatten(-1, heads) for part in self.key_value(read_NLH).chunk(2, dim=-1))
        scores_NKPL = torch.einsum("kph,nlkh->nkpl", query_KPh, key_NLKh)
        weights_NKPL = scores_NKPL.masked_fill(~mask_NL[:, None, None], float("-inf")).softmax(dim=-1)
        return torch.einsum("nkpl,nlkh->npkh", weights_NKPL, value_NLKh).flatten(2) + self.position_PH


def upsample(in_channels: int, out_channels: int) -> nn.Sequential:
    """Double the resolution; a kernel whose size the stride divides leaves no checkerboard (Odena et al. 2016)."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class ConvolutionalImageDecoder(ImageDecoder):
    """Reads the sentence, lets each position of an 8×8 grid attend to it, and reconstructs by convolutions.

    Args:
        embedding_dim: Width E of the words.
        image_size: Height and width of the drawing in pixels; 8 times 2, 4, 8, ….
        hidden_size: Width of the reader and of the coarse drawing.
        base_width: Channels before the last layer; they double towards the coarse end, up to `hidden_size`.

    Raises:
        ValueError: `image_size` is not 16, 32, 64, ….
    """

    def __init__(
        self, *, embedding_dim: int, image_size: int = 64, hidden_size: int = 128, base_width: int = 16
    ) -> None:
        super().__init__()
        num_stages = (image_size // COARSE_SIZE).bit_length() - 1
        if num_stages < 1 or image_size != COARSE_SIZE * 2**num_stages:
            raise ValueError(
                f"model.image_decoder.image_size must be {COARSE_SIZE} times a power of two (16, 32, 64, …), "
                f"got {image_size}"
            )
        self.image_size = image_size
        self.caption_reader = CaptionReader(embedding_dim=embedding_dim, hidden_size=hidden_size)
        self.word_attention = WordAttention(positions=COARSE_SIZE**2, hidden_size=hidden_size)
        widths = [hidden_size, *(min(hidden_size, base_width * 2**i) for i in reversed(range(num_stages - 1)))]
        self.upsampling = nn.Sequential(
            nn.Conv2d(hidden_size, hidden_size, 3, padding=1, bias=False),
            BatchNorm2d(hidden_size),
            nn.ReLU(),
            *(upsample(wide, narrow) for wide, narrow in pairwise(widths)),
            nn.ConvTranspose2d(widths[-1], 3, 4, stride=2, padding=1),
            nn.Sigmoid(),
        ).to(memory_format=torch.channels_last)

    def forward(self, words_NLE: Tensor, mask_NL: Tensor) -> Tensor:
        positions_NPH = self.word_attention(self.caption_reader(words_NLE, mask_NL), mask_NL)
        coarse_NHRR = positions_NPH.transpose(1, 2).unflatten(-1, (COARSE_SIZE, COARSE_SIZE))
        return self.upsampling(coarse_NHRR.contiguous(memory_format=torch.channels_last))
