"""Images as a transformer of words and codes reads and predicts them.

Shape legend: B images, P positions of the grid, K codes, E width of a code's vector, H hidden.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from lightning_modules.networks.code_embeddings import CodeEmbedding
from lightning_modules.networks.code_readers import CodeReader
from lightning_modules.networks.position_combiners import PositionCombiner

POSITION_SCALE = 0.5  # of rows and of columns at the start, where codes have 1


class ImageSegment(nn.Module):
    """Codes to vectors, and states to the distribution of the next code, row by row.

    Args:
        hidden_size: H.
        num_codes: K.
        grid_size: Rows and columns of the grid.
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
        code_embedding: CodeEmbedding,
        code_reader: CodeReader | None,
        position: PositionCombiner,
    ) -> None:
        super().__init__()
        rows, columns = grid_size
        self.num_codes = num_codes
        self.num_positions = rows * columns
        self.code_embedding = code_embedding
        self.code_reader = code_reader
        self.begin_H = nn.Parameter(torch.randn(hidden_size))
        self.row_RH = nn.Parameter(POSITION_SCALE * torch.randn(rows, hidden_size))
        self.column_CH = nn.Parameter(POSITION_SCALE * torch.randn(columns, hidden_size))
        self.position = position
        self.head = nn.Linear(hidden_size, num_codes)

    def begin(self, num: int) -> Tensor:
        """Return the begin of images: `x_B1H`."""
        return self.begin_H.expand(num, 1, -1)

    def embed(self, codes_BP: Tensor, table_KH: Tensor, start: int = 0) -> Tensor:
        """Return the vectors of codes of which the first is at position `start`: `x_BPH`."""
        return self._placed(embedding(codes_BP, table_KH), start)

    def read(self, codes_BP: Tensor, table_KH: Tensor, decoded: Callable[[], Tensor]) -> Tensor:
        """Return whole images that captions are generated from, their begin included: `x_BTH`.

        Args:
            codes_BP: The images.
            table_KH: The vectors of all codes.
            decoded: Returns the images of the codes in pixels (see `CodeReader`).
        """
        x_BPH = embedding(codes_BP, table_KH)
        if self.code_reader is not None:
            x_BPH = self.code_reader(x_BPH, decoded)
        return torch.cat([self.begin(len(codes_BP)), self._placed(x_BPH, 0)], dim=1)

    def _placed(self, x_BPH: Tensor, start: int) -> Tensor:
        position_PH = (self.row_RH.unsqueeze(1) + self.column_CH).flatten(0, 1)
        placed_BPH: Tensor = self.position(x_BPH, position_PH[start : start + x_BPH.shape[1]])
        return placed_BPH
