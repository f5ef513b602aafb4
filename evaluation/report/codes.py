"""What the codes know, as scores by name.

Code names in scores are "style" and "content"; `scores.json` has all of these scores, the tables the main ones.
"""

from evaluation.report.contents import Interpretability, StyleTransfer

ALL = "all"
"""Which of the transferred styles is all of them."""


def main_scores(measured: Interpretability) -> dict[str, float]:
    """Return the disentanglement of both codes, and how often a style is transferred."""
    scores = {
        f"interpretability/{code}/{name}": value
        for code, of_code in measured.disentanglement.items()
        for name, value in of_code.items()
    }
    return scores | (_of_transfer("style_transfer", measured.transfer[ALL]) if measured.transfer else {})


def detailed_scores(measured: Interpretability) -> dict[str, float]:
    """Return the accuracy of each probe, the majority's share, and how often each style is transferred."""
    scores: dict[str, float] = {}
    for probed in measured.probes:
        scores |= {
            f"interpretability/style/probe_linear/{probed.name}": probed.style_linear,
            f"interpretability/style/probe_mlp/{probed.name}": probed.style_mlp,
            f"interpretability/content/probe_linear/{probed.name}": probed.content_linear,
            f"interpretability/content/probe_mlp/{probed.name}": probed.content_mlp,
            f"interpretability/majority/{probed.name}": probed.majority,
        }
    for style, transfer in measured.transfer.items():
        if style != ALL:
            scores |= _of_transfer(f"style_transfer/by_style/{style}", transfer)
    return scores


def _of_transfer(prefix: str, transfer: StyleTransfer) -> dict[str, float]:
    values = {"style": transfer.style, "truth": transfer.truth, "both": transfer.both}
    return {f"{prefix}/{name}": value for name, value in values.items() if value is not None}
