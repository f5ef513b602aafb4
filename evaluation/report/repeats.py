"""Captions that an image has several times, told once."""

from collections.abc import Sequence
from typing import NamedTuple

from evaluation.report.contents import ShownCaption


class RepeatedCaption(NamedTuple):
    """A caption and how often it was generated.

    Attributes:
        caption: The caption.
        cider_d: As in `ShownCaption`; the same each time.
        log_probabilities: Of each time: it depends on the codes.
        finished: Whether it came to its end.
    """

    caption: str
    cider_d: float
    log_probabilities: Sequence[float]
    finished: bool

    @property
    def times(self) -> int:
        """How often it was generated."""
        return len(self.log_probabilities)


def collapse(captions: Sequence[ShownCaption]) -> list[RepeatedCaption]:
    """Return each caption once, where it comes first; one that was cut is another than the same words finished."""
    same: dict[tuple[str, bool], list[ShownCaption]] = {}
    for shown in captions:
        same.setdefault((shown.caption, shown.finished), []).append(shown)
    return [
        RepeatedCaption(caption, group[0].cider_d, [shown.log_probability for shown in group], finished)
        for (caption, finished), group in same.items()
    ]
