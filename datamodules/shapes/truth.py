"""How far captions of drawn scenes are true, and how much of the scene they mention: the scene is known."""

from collections.abc import Sequence

from datamodules.shapes.claims import Fact, facts, facts_stated, is_true
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import Scene, scene_at
from metrics.per_image_metric import PerImageMetric


def caption_is_true(caption: str, scene: Scene) -> bool:
    """Return whether every claim of a caption holds; one that the grammar cannot read is not true."""
    claims = parse(caption)
    return claims is not None and is_true(claims, scene)


class CaptionTruth(PerImageMetric):
    """Share of an image's captions whose every claim holds; one that the grammar cannot read is not true.

    Args:
        seed: The world that the images were drawn from, `data.seed`.
    """

    names = ("caption_truth",)

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> Sequence[float]:
        scene = scene_at(self.seed, image_id)
        return [sum(caption_is_true(caption, scene) for caption in candidates) / len(candidates)]


class CaptionCoverage(PerImageMetric):
    """Share of a scene's facts (see `claims.py`) that its captions state between them; only true captions count.

    Args:
        seed: The world that the images were drawn from, `data.seed`.
    """

    names = ("caption_coverage",)

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> Sequence[float]:
        scene = scene_at(self.seed, image_id)
        claims = [claim for claim in map(parse, candidates) if claim is not None]
        stated = frozenset[Fact]().union(*(facts_stated(claim, scene) for claim in claims))
        return [len(stated) / len(facts(scene))]
