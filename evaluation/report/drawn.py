"""What the report's page shows of drawings.

Shape legend: H rows, W columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class DrawnPicture(NamedTuple):
    """One of the drawings of a caption.

    Attributes:
        image_3HW: In [0, 1].
        log_probability: log P(codes | caption) in nats.
        score: What drawings are ranked by; None where they are not.
    """

    image_3HW: Tensor
    log_probability: float
    score: float | None


class DrawnImage(NamedTuple):
    """An image beside drawings of one of its references.

    Attributes:
        name: What the data set calls it.
        image_3HW: `uint8`.
        caption: The reference that is drawn.
        pictures: The drawings, best first where they were ranked.
        recaption: The caption that the model generates of the first one.
        rank: Of the first one among the drawings of all captions, by how likely the caption is of each, from 1; None
            where the model does not tell likelihoods.
    """

    name: str
    image_3HW: Tensor
    caption: str
    pictures: Sequence[DrawnPicture]
    recaption: str
    rank: int | None
