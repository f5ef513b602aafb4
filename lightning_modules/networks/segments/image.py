"""Images as a transformer of words and codes reads and predicts them.

Shape legend: B images, P positions of the grid of codes, Q positions of an image (P/R, where each has R codes), K
codes, E width of a code's vector, H hidden.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from lightning_modules.networks.code_embeddings import CodeEmbedding
from lightning_modules.networks.code_readers import CodeReader
from lightning_modules.networks.position_combiners import PositionCombiner

POSITION_SCALE = 0.5  # of rows and of columns at the start, where codes have 1


class ImageSegment(nn.Module):
    """Codes to vectors, and states to the distribution of the next code, row by row.

    Args:
        hidden_size: H.
        num_codes: K.
        grid_size: Rows and columns of the grid of codes.
        codes_per_position: R, each of a codebook of its own (see `Quantizer`). An image that captions are generated
            from is read position by position, by the sum of its codes' vectors.
        code_embedding: The vectors of codes.
        code_reader: Reads the grid of an image that captions are generated from; None for its codes as they are.
        position: How codes meet their positions, the sum of a vector of the row and one of the column.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        num_codes: int,
        grid_size: tuple[int, int],
        codes_per_position: int = 1,
        code_embedding: CodeEmbedding,
        code_reader: CodeReader | None,
        position: PositionCombiner,
    ) -> None:
        super().__init__()
        rows, columns = grid_size
        self.num_codes = num_codes
        self.num_positions = rows * columns
        self.codes_per_position = codes_per_position
        self.code_embedding = code_embedding
        self.code_reader = code_reader
        self.begin_H = nn.Parameter(torch.randn(hidden_size))
        self.row_RH = nn.Parameter(POSITION_SCALE * torch.randn(rows, hidden_size))
        self.column_CH = nn.Parameter(POSITION_SCALE * torch.randn(columns, hidden_size))
        self.position = position
        self.head = nn.Linear(hidden_size, codes_per_position * num_codes)

    def begin(self, num: int) -> Tensor:
        """Return the begin of images: `x_B1H`."""
        return self.begin_H.expand(num, 1, -1)

    def logits(self, hidden_BPH: Tensor, start: int = 0) -> Tensor:
        """Return the logits of codes of which the first is at position `start`: `logits_BPK`."""
        each = self.codes_per_position
        weights, biases = self.head.weight.split(self.num_codes), self.head.bias.split(self.num_codes)
        parts = [
            linear(hidden_BPH[:, first::each], weights[(start + first) % each], biases[(start + first) % each])
            for first in range(min(each, hidden_BPH.shape[1]))
        ]  # of each codebook its positions
        return torch.stack(parts, dim=2).flatten(1, 2)

    def embed(self, codes_BP: Tensor, table_KH: Tensor, start: int = 0) -> Tensor:
        """Return the vectors of codes of which the first is at position `start`: `x_BPH`.

        Args:
            codes_BP: The codes.
            table_KH: The vectors of all codes, those of several codebooks one after the other.
            start: The position.
        """
        end = start + codes_BP.shape[1]
        x_BPH: Tensor = self.position(self._vectors(codes_BP, table_KH, start), self._positions()[start:end])
        return x_BPH

    def read(self, codes_BP: Tensor, table_KH: Tensor, decoded: Callable[[], Tensor]) -> Tensor:
        """Return whole images that captions are generated from, their begin included: `x_BTH`, T = 1 + Q.

        Args:
            codes_BP: The images.
            table_KH: As of `embed`.
            decoded: Returns the images of the codes in pixels (see `CodeReader`).
        """
        x_BQH = self._vectors(codes_BP, table_KH).unflatten(1, (-1, self.codes_per_position)).sum(dim=2)
        if self.code_reader is not None:
            x_BQH = self.code_reader(x_BQH, decoded)
        x_BQH = self.position(x_BQH, self._positions()[:: self.codes_per_position])
        return torch.cat([self.begin(len(codes_BP)), x_BQH], dim=1)

    def _vectors(self, codes_BP: Tensor, table_KH: Tensor, start: int = 0) -> Tensor:
        numbers_P = torch.arange(start, start + codes_BP.shape[1], device=codes_BP.device)
        return embedding(codes_BP + self.num_codes * (numbers_P % self.codes_per_position), table_KH)

    def _positions(self) -> Tensor:
        """Return the vectors of the positions of codes, `position_PH`."""
        return (self.row_RH.unsqueeze(1) + self.column_CH).flatten(0, 1)
