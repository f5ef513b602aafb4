"""The base of metrics that look at all captions at once, such as BLEU or the diversity of a data set."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.gathering import gather_as


class ImageCaptions(NamedTuple):
    """An image with its captions.

    Attributes:
        image_id: The data set's number of the image.
        candidates: Captions to score, best first; at least one.
        references: Its human captions.
    """

    image_id: int
    candidates: list[str]
    references: list[str]


class GatheredCaptions(Metric):
    """Keeps all captions; the same on any number of processes.

    Captions travel between processes as one tensor of bytes (JSON, a line an image). A distributed sampler repeats
    images to fill up the last batch, so each image counts once, and images are in the order of their ids: what is made
    of them is the same to the last digit on one process and on many.
    """

    full_state_update = False

    records: list[Tensor]

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=partial(gather_as, dtype=torch.uint8))
        self.add_state("records", default=[], dist_reduce_fx="cat")

    def update(
        self, candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], image_ids: Tensor
    ) -> None:
        """Add a batch: for each image its candidate captions, its reference captions and its id ([B], integer).

        Raises:
            ValueError: The three do not have the same length, or an image has no candidate.
        """
        check_batch(candidates, references, image_ids)
        rows = zip(image_ids.tolist(), map(list, candidates), map(list, references), strict=True)
        lines = bytearray("".join(f"{json.dumps(row)}\n" for row in rows).encode())
        if lines:
            self.records.append(torch.frombuffer(lines, dtype=torch.uint8).to(self.device))

    def reset(self) -> None:
        """Forget all captions, also where `compute` failed between two processes' exchange and its end."""
        if self._is_synced:
            self.unsync()
        super().reset()

    def compute(self) -> Any:
        """Return the distinct images (`ImageCaptions`) in the order of their ids."""
        return self.images()

    def images(self) -> list[ImageCaptions]:
        """Return the distinct images that are here, in the order of their ids."""
        lines = dim_zero_cat(self.records).cpu().numpy().tobytes().splitlines() if len(self.records) else []
        images = [ImageCaptions(*json.loads(line)) for line in lines]
        first_of_id = {image.image_id: image for image in reversed(images)}
        return [first_of_id[image_id] for image_id in sorted(first_of_id)]


class CaptionMetric(GatheredCaptions, ABC):
    """Keeps all captions and scores them together; exact on any number of processes."""

    needs_several = False
    """Whether an image must have several candidates."""

    @abstractmethod
    def score(self, images: Sequence[ImageCaptions]) -> Mapping[str, float]:
        """Return results by name for distinct images, of which there is at least one."""

    def compute(self) -> dict[str, Tensor]:
        """Return the results by name, in double precision.

        Raises:
            ValueError: No image was added.
        """
        images = self.images()
        if not images:
            raise ValueError(f"{type(self).__name__} has no image to score; call update() first")
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in self.score(images).items()}


def check_batch(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], image_ids: Tensor) -> None:
    """Refuse a batch that cannot be scored.

    Raises:
        ValueError: The three do not have the same length, or an image has no candidate.
    """
    if not len(candidates) == len(references) == len(image_ids):
        raise ValueError(
            f"expected candidates, references and image_ids of one length, "
            f"got {len(candidates)}, {len(references)} and {len(image_ids)}"
        )
    if any(len(captions) == 0 for captions in candidates):
        raise ValueError("expected at least one candidate caption for each image, got none for some image")
