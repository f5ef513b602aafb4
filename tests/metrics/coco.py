"""What the COCO caption evaluation (pycocoevalcap 1.2) says of captions written for these tests.

`python -m tests.metrics.coco` computes `coco_scores.json` anew; it needs pycocoevalcap, and Java for METEOR.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metrics import PairedCaptions

STORED = Path(__file__).with_name("coco_scores.json")


class Image(NamedTuple):
    """Two candidates and any number of references, as words with spaces between."""

    candidates: tuple[str, str]
    references: tuple[str, ...]


LONG = "the " * 40 + "very long road goes on and on past the old mill " * 3
IMAGES = [
    Image(("two boys kick a ball", "a ball"), ("two boys kick a red ball", "boys play football", "children outside")),
    Image(("a cat sleeps", "a cat sleeps on the sofa"), ("a cat sleeps on the sofa",)),  # equal to the reference
    Image(("", "empty"), ("a man reads", "someone sits with a book")),  # an empty candidate
    Image(("a man", "nothing is to be seen"), ("", "a man waves")),  # an empty reference
    Image(("", "bird"), ("", "a bird")),
    Image(("tree", "green"), ("tree", "a green tree", "tree tree tree tree")),  # one word
    Image(("the the the the the the the", "the cat is on the mat"), ("the cat is on the mat", "there is a cat on it")),
    Image(("go go go stop go go", "stop go stop go"), ("go stop go go stop go go", "stop stop", "go go")),  # repeats
    Image((LONG, "a road"), (LONG.replace("mill", "barn"), "a long road past the mill", "road")),
    Image(("un café près de la forêt", "naïve façade ∞ 日本"), ("un café près du parc", "日本 naïve façade")),
    Image(("d c b a", "a b c d"), ("a b c d", "b a d c")),
    Image(("zebras graze quietly", "xylophone"), ("zebras are grazing", "striped horses graze", "animals", "a herd")),
    Image(
        ("a woman with an umbrella walks her small dog", "a small dog walks a woman with an umbrella"),
        ("a lady walks her dog in the rain", "woman under an umbrella", "a dog", "it rains on a woman and her dog"),
    ),
]


def paired(images: Sequence[Image] = IMAGES) -> PairedCaptions:
    """Return both candidates of each image, one after the other, beside its references."""
    candidates = [caption.split() for image in images for caption in image.candidates]
    references = [[caption.split() for caption in image.references] for image in images]
    return PairedCaptions(candidates, references, np.repeat(np.arange(len(images)), 2))


def paired_slot(slot: int, images: Sequence[Image] = IMAGES) -> PairedCaptions:
    """Return one of the two candidates of each image beside its references."""
    references = [[caption.split() for caption in image.references] for image in images]
    return PairedCaptions([image.candidates[slot].split() for image in images], references)


def coco_scores(images: Sequence[Image], *, with_meteor: bool) -> list[dict[str, Any]]:
    """Return for the first and for the second candidates the scores by name: of all together, and of each."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    results = []
    for slot in range(2):
        references = {row: [_spaced(caption) for caption in image.references] for row, image in enumerate(images)}
        candidates = {row: [_spaced(image.candidates[slot])] for row, image in enumerate(images)}
        corpus, each = Bleu(4).compute_score(references, candidates, verbose=0)
        scores = {f"BLEU-{order + 1}": (corpus[order], each[order]) for order in range(4)}
        scores["ROUGE-L"] = Rouge().compute_score(references, candidates)
        scores["CIDEr-D"] = Cider().compute_score(references, candidates)
        if with_meteor:
            from pycocoevalcap.meteor.meteor import Meteor

            scores["METEOR"] = Meteor().compute_score(references, candidates)
        results.append({name: {"corpus": float(a), "each": list(map(float, b))} for name, (a, b) in scores.items()})
    return results


def stored_scores() -> list[dict[str, Any]]:
    """Return what `coco_scores` gave for `IMAGES`."""
    scores: list[dict[str, Any]] = json.loads(STORED.read_text("utf-8"))
    return scores


def _spaced(caption: str) -> str:
    return " ".join(caption.split())


if __name__ == "__main__":
    STORED.write_text(json.dumps(coco_scores(IMAGES, with_meteor=True), indent=1) + "\n", "utf-8")
