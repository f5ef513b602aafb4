"""What a reader must know of scores, beside their numbers."""

from collections.abc import Collection, Sequence
from itertools import chain

from metrics.caption_metric import ImageCaptions
from metrics.words import note_on_spaces


def notes_on_scores(images: Sequence[ImageCaptions], *, num_documents: int, protocols: Collection[str]) -> list[str]:
    """Return what is left out of `score_captions` or means nothing, and why.

    Args:
        images: The scored images.
        num_documents: Images that document frequencies are counted in.
        protocols: As for `score_captions`.
    """
    notes = []
    if num_documents < 2:
        several = "b" in protocols and any(len(image.candidates) > 1 for image in images)
        notes.append(
            "CIDEr-D is 0 whatever the captions are"
            + (", and B/Self-CIDEr is left out" if several else "")
            + ", for its document frequencies are those of one image"
        )
    on_spaces = note_on_spaces(chain.from_iterable([*image.candidates, *image.references] for image in images))
    return notes if on_spaces is None else [*notes, on_spaces]
