"""Watches whether the style code knows the style of captions."""

from collections.abc import Sequence
from itertools import chain

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics.code_probe import CodeProbe
from metrics.factor import Factor


class StyleProbe(EvaluationCallback):
    """Logs how well a linear probe tells captions' style from S, under `val/` and `test/`.

    Style is the first of the data set's `caption_factors`: `style_family` of the built-in data, `length` of
    photographs. `interpretability/NAME_from_style` is the accuracy on held-out images, `interpretability/NAME_majority`
    what is told without S. S is the mean of the loss's posterior. Without a datamodule of captions nothing is logged.

    Args:
        num_captions: Most captions that are looked at, the first of the split.

    Raises:
        ValueError: They are fewer than two.
    """

    runs_in_sanity_check = True

    def __init__(self, num_captions: int = 1000) -> None:
        self.probe = CodeProbe(num_captions)

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        style = _style_of(trainer, [*chain.from_iterable(batch.references)])
        if output.latents is None or style is None:
            return
        codes_NS = output.latents.style.posterior.mean
        assert len(codes_NS) == len(style.labels_N), "in validation and test each reference has a code"
        self.probe.to(captioner.device).update(codes_NS, style.labels_N, batch.image_ids_B, batch.image_of_caption_N)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        style = _style_of(trainer, [])  # its name alone, also where this process was given no image
        if not captioner.has_latents or style is None:
            return
        probed = self.probe.compute()
        if probed is not None:
            captioner.log(f"{stage}/interpretability/{style.name}_from_style", probed.accuracy)
            captioner.log(f"{stage}/interpretability/{style.name}_majority", probed.majority)

    def forget(self) -> None:
        self.probe.reset()


def _style_of(trainer: Trainer, captions: Sequence[str]) -> Factor | None:
    datamodule = getattr(trainer, "datamodule", None)
    return None if datamodule is None else datamodule.caption_factors(captions)[0]
