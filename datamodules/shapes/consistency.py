"""Whether all captions of an image of the drawn scenes are true together."""

from collections.abc import Sequence
from itertools import combinations

from torch import Tensor

from datamodules.shapes.claims import is_true
from datamodules.shapes.contradictions import contradict
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import scene_at
from metrics.per_image_metric import PerImageMetric


class CaptionConsistency(PerImageMetric):
    """Whether an image's captions are all true, and how many pairs of them cannot both be; needs several an image.

    - `all_true`: share of the images of which every caption is true; one that the grammar cannot read is not.
    - `contradictions`: share of the pairs of an image's captions that no scene at all makes true (see `contradict`);
      mean over the images. A caption that the grammar cannot read claims nothing and contradicts nothing.

    An image with a single caption, of which there are no pairs, is left out; where all have one there are no results.

    Args:
        seed: The world that the images were drawn from, `data.seed`.
    """

    names = ("all_true", "contradictions")

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> Sequence[float]:
        scene = scene_at(self.seed, image_id)
        claims = [*map(parse, candidates)]
        all_true = all(claim is not None and is_true(claim, scene) for claim in claims)
        pairs = [*combinations(claims, 2)]
        if not pairs:
            return [float("nan")] * len(self.names)
        clashes = [one is not None and other is not None and contradict(one, other) for one, other in pairs]
        return [float(all_true), sum(clashes) / len(pairs)]

    def compute(self) -> dict[str, Tensor]:
        """Return the means over the images that have several captions; nothing where none has."""
        rows_BK = self.distinct()
        if rows_BK is None:
            return super().compute()
        of_several_BK = rows_BK[~rows_BK.isnan().any(dim=1)]
        if not len(of_several_BK):
            return {}
        return dict(zip(self.names, of_several_BK.mean(dim=0).unbind(), strict=True))
