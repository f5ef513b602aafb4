"""CLIPScore and PAC-S: whether a caption fits a photograph, by embeddings of both.

Hessel et al., "CLIPScore: A Reference-free Evaluation Metric for Image Captioning" (2021), sections 3 and 3.1; Sarto et
al., "Positive-Augmented Contrastive Learning for Image and Video Captioning Evaluation" (2023), section 3.3.

Shape legend: B images, N captions of an image, R references of it, D width of an embedding.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from metrics.caption_metric import check_batch
from metrics.clip_model import ClipModel
from metrics.rows_by_image import RowsByImage

PREFIX = "A photo depicts "  # before candidates and references, as the authors of both have it


def clip_score(image_D: Tensor, caption_ND: Tensor, *, weight: float) -> Tensor:
    """Return w · max(cos(image, caption), 0) of each caption of an image: [N], 0 to w (equation 1)."""
    return weight * (normalize(caption_ND, dim=-1) @ normalize(image_D, dim=-1)).clamp(min=0)


def ref_clip_score(image_D: Tensor, caption_ND: Tensor, reference_RD: Tensor, *, weight: float) -> Tensor:
    """Return the harmonic mean of `clip_score` and max_r max(cos(caption, reference r), 0): [N] (equation 2).

    0 where one of the two is 0.
    """
    to_image_N = clip_score(image_D, caption_ND, weight=weight)
    similarity_NR = normalize(caption_ND, dim=-1) @ normalize(reference_RD, dim=-1).T
    to_references_N = similarity_NR.amax(dim=1).clamp(min=0)
    product_N, sum_N = to_image_N * to_references_N, to_image_N + to_references_N
    return torch.where(product_N > 0, 2 * product_N / sum_N, 0.0)


class ClipScore(RowsByImage):
    """CLIP-S and RefCLIP-S of photographs' captions; exact on any number of processes.

    The model is loaded when it is first asked for.

    Args:
        model: See `ClipModel`, like all that follows.
        weights: Instead of the model's own.
        batch_size: Photographs, or sentences, that are embedded at once.

    Attributes:
        label: What the score is called.
        weight: What the cosine of image and caption is multiplied with.
    """

    label: ClassVar[str] = "CLIP-S"
    weight: ClassVar[float] = 2.5

    def __init__(self, *, model: str | Path, weights: str | Path | None = None, batch_size: int = 64) -> None:
        super().__init__()
        self.model = model
        self.weights = weights
        self.batch_size = batch_size

    @cached_property
    def clip(self) -> ClipModel:
        """The model.

        Raises:
            ValueError: It cannot be loaded.
        """
        return ClipModel(self.model, self.weights, batch_size=self.batch_size)

    def update(
        self,
        images_BCHW: Tensor,
        candidates: Sequence[Sequence[str]],
        references: Sequence[Sequence[str]],
        image_ids: Tensor,
    ) -> None:
        """Add a batch: photographs (`uint8`), for each its captions, its references, and its id ([B], integer).

        Raises:
            ValueError: The numbers of images differ, or one has no caption or no reference.
        """
        check_batch(candidates, references, image_ids)
        if len(images_BCHW) != len(image_ids) or not all(references):
            raise ValueError(
                f"expected a photograph and a reference for each of {len(image_ids)} images, got {len(images_BCHW)} "
                f"photographs, and {min(map(len, references), default=0)} references of some"
            )
        if not len(image_ids):
            return
        clip = self.clip.to(self.device)
        texts = [*dict.fromkeys(text for of_image in (*candidates, *references) for text in of_image)]
        row_of = {text: row for row, text in enumerate(texts)}
        text_ND = clip.embed_texts([PREFIX + text for text in texts]).double()
        rows = [
            self._row(image_D, text_ND[[row_of[c] for c in captions]], text_ND[[row_of[r] for r in refs]])
            for image_D, captions, refs in zip(
                clip.embed_images(images_BCHW).double(), candidates, references, strict=True
            )
        ]
        self.add(image_ids, torch.stack(rows))

    def _row(self, image_D: Tensor, caption_ND: Tensor, reference_RD: Tensor) -> Tensor:
        """Return how many captions an image has, and each score of the first, the mean and the least."""
        scores = (
            clip_score(image_D, caption_ND, weight=self.weight),
            ref_clip_score(image_D, caption_ND, reference_RD, weight=self.weight),
        )
        count = image_D.new_tensor(len(caption_ND))
        return torch.stack([count, *(s for score_N in scores for s in (score_N[0], score_N.mean(), score_N.min()))])

    def compute(self) -> dict[str, Tensor]:
        """Return means over the images: `clip/CLIP-S` and `clip/RefCLIP-S` of each image's first caption.

        Where images have several captions also `mean/…` over all, and `min/…` of the worst.

        Raises:
            ValueError: No image was added.
        """
        rows_B7 = self.distinct()
        if rows_B7 is None:
            raise ValueError(f"{type(self).__name__} has no image to average over; call update() first")
        names = [f"{kind}/{ref}{self.label}" for ref in ("", "Ref") for kind in ("clip", "mean", "min")]
        results = dict(zip(names, rows_B7[:, 1:].mean(dim=0).unbind(), strict=True))
        several = bool((rows_B7[:, 0] > 1).any())
        return {name: value for name, value in results.items() if several or name.startswith("clip/")}


class PacScore(ClipScore):
    """PAC-S and RefPAC-S: the same by a CLIP that was fine-tuned on generated captions and images too."""

    label = "PAC-S"
    weight = 2.0
