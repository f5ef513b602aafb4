"""Watches whether the codes are used, or have collapsed."""

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import CodeUsage, LatentStatistics

NAMES = ("style", "content")


class LatentUsage(EvaluationCallback):
    """Logs how much both codes are used under `val/latents/` and `test/latents/`.

    Of a continuous code active units and mutual information, of a discrete one the codes that are used, their
    perplexity and mutual information. The posteriors are those of the loss, which have seen whatever they see in
    training.
    """

    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.continuous = {name: LatentStatistics(name) for name in NAMES}
        self.discrete = {name: CodeUsage(name) for name in NAMES}

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if output.latents is None:
            return
        rows = batch.image_ids_B, batch.image_of_caption_N
        for name in NAMES:
            code = getattr(output.latents, name)
            if name in captioner.discrete_latents:
                drawn_NG = code.posterior.choices_of(code.sample)
                usage = self.discrete[name].to(captioner.device)
                usage.update(code.posterior.log_probability_NGK, drawn_NG, *rows)
            else:
                gaussian = code.posterior.as_gaussian()
                statistics = self.continuous[name].to(captioner.device)
                statistics.update(gaussian.mean, gaussian.log_variance, code.sample, *rows)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not captioner.has_latents:
            return
        for name in NAMES:  # on every process, whether it was given images or not
            usage = (self.discrete if name in captioner.discrete_latents else self.continuous)[name]
            for figure, value in usage.compute().items():
                captioner.log(f"{stage}/latents/{figure}", value)

    def forget(self) -> None:
        for usage in (*self.continuous.values(), *self.discrete.values()):
            usage.reset()
