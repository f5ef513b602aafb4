"""The report as one HTML page that needs nothing else: no server, no network, no script."""

from collections.abc import Sequence
from typing import NamedTuple

from evaluation.report.confusions import confusion_plots
from evaluation.report.contents import Report, ShownImage, TradeOff
from evaluation.report.plots import trade_off_plots
from evaluation.report.reliability import reliability_plots
from evaluation.report.repeats import RepeatedCaption, collapse
from evaluation.report.tables import score_columns, score_sections
from metrics.score_table import shown
from pictures.pages.templates import templates_of

FIRST = 5  # captions of an image that are shown at once; the others unfold


class Card(NamedTuple):
    """What the gallery shows of an image.

    Attributes:
        image: The image.
        first: The captions that are shown at once.
        others: Those that unfold.
    """

    image: ShownImage
    first: Sequence[RepeatedCaption]
    others: Sequence[RepeatedCaption]


def render(report: Report) -> str:
    """Return the report's page; whatever captions and names contain is shown as text."""
    environment = templates_of("evaluation.report")
    environment.filters |= {"cider": _cider, "nats": _nats, "share": _share}
    return environment.get_template("page.html.j2").render(
        report=report,
        columns=list(score_columns(report.scores, report.human)),
        sections=score_sections(report.scores, report.human),
        plots=trade_off_plots(report.trade_off) if report.trade_off else {},
        tells_draws=report.trade_off is not None and _tells_draws(report.trade_off),
        gallery={title: [_card(image) for image in images] for title, images in report.gallery.items()},
        reconstructs=any(
            image.reconstruction_3HW is not None for images in report.gallery.values() for image in images
        ),
        best_cider_d=_best_cider_d(report),
        reliability_plots=reliability_plots(report.reliability),
        confusion_plots=confusion_plots(report.confusions),
    )


def _tells_draws(trade_off: TradeOff) -> bool:
    return any(point.mean_draws is not None for points in trade_off.curves.values() for point in points)


def _card(image: ShownImage) -> Card:
    captions = collapse(image.captions)
    return Card(image, captions[:FIRST], captions[FIRST:])


def _best_cider_d(report: Report) -> float:
    """Return the gallery's best, which fills the width of a caption; 1 where all are 0, to divide by."""
    scores = [caption.cider_d for images in report.gallery.values() for image in images for caption in image.captions]
    return max(scores, default=0) or 1


def _cider(value: float) -> str:
    return shown("CIDEr-D", value)


def _share(value: float | None) -> str:
    """Return a share × 100, "-" for None."""
    return "-" if value is None else f"{100 * value:.1f}"


def _nats(values: Sequence[float]) -> str:
    """Return a log probability; the range of several that differ."""
    low, high = (f"{value:.1f}".replace("-", "−") for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
