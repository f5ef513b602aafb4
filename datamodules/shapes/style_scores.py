"""In which styles the captions of drawn scenes are, and how true those of each style are."""

from collections import Counter
from collections.abc import Mapping, Sequence

from datamodules.shapes.grammar import STYLES
from datamodules.shapes.scene import scene_at
from datamodules.shapes.style import style_of
from datamodules.shapes.truth import caption_is_true
from metrics.caption_metric import CaptionMetric, ImageCaptions

OTHER = "none"  # captions that mix styles, or that the grammar cannot read


class StyleScores(CaptionMetric):
    """How an image's captions are shared out over the five styles, beside its references; nothing for one an image.

    - `style_share/STYLE`: share of all captions that are of it; `none` for what is of no style.
    - `style_truth/STYLE`: share of those whose every claim holds; left out where there are none.
    - `style_distance`: total variation between the styles of the captions and those of the references, ½ Σ |p − q|:
      0 for the same shares, 1 for none in common.

    Args:
        seed: The world that the images were drawn from, `data.seed`.
    """

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def score(self, images: Sequence[ImageCaptions]) -> Mapping[str, float]:
        if all(len(image.candidates) == 1 for image in images):
            return {}
        found, true = Counter[str](), Counter[str]()
        for image in images:
            scene = scene_at(self.seed, image.image_id)
            for caption in image.candidates:
                style = style_of(caption) or OTHER
                found[style] += 1
                true[style] += caption_is_true(caption, scene)
        human = Counter(style_of(caption) or OTHER for image in images for caption in image.references)
        shares = {style: found[style] / found.total() for style in (*STYLES, OTHER)}
        return {
            **{f"style_share/{style}": share for style, share in shares.items()},
            **{f"style_truth/{style}": true[style] / found[style] for style in STYLES if found[style]},
            "style_distance": sum(abs(share - human[style] / human.total()) for style, share in shares.items()) / 2,
        }
