"""Distillation: a captioner learns the word distributions of teachers beside the captions of people.

Shape legend: N captions, L tokens, W words of all captions, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, segment_reduce

from datamodules.batch import CaptionBatch
from lightning_modules.build import Config, build
from lightning_modules.checkpoints.loading import load_captioner
from lightning_modules.ensemble import Ensemble
from lightning_modules.losses import LossReport
from lightning_modules.networks import CaptionerOutput
from lightning_modules.schedules import Schedule, as_schedule
from lightning_modules.variational_captioner import VariationalCaptioner
from utils.distributed import mean_of_batch
from utils.require import require


class Distillation:
    """Who teaches, and how much that counts.

    Args:
        teachers: Checkpoints; of several the mean of their word probabilities (see `Ensemble`).
        weight: Share α of the caption term that is learned from the teachers, 0 to 1: a number or a schedule.
        temperature: T, which divides the logits of both; above 1 unlikely words count more.
        trusted_packages: Packages of yours that the teachers' checkpoints may build parts from.

    Raises:
        ValueError: There is no teacher, or a number is out of its range.
    """

    def __init__(
        self,
        *,
        teachers: Sequence[str],
        weight: float | Schedule = 0.5,
        temperature: float = 1.0,
        trusted_packages: Sequence[str] = (),
    ) -> None:
        is_list = bool(teachers) and not isinstance(teachers, str)
        require(is_list, "model.distillation.teachers", "a list of checkpoints", f"{teachers!r}")
        is_share = not isinstance(weight, int | float) or 0 <= weight <= 1
        require(is_share, "model.distillation.weight", "from 0 to 1", weight)
        require(temperature > 0, "model.distillation.temperature", "above 0", temperature)
        self.teachers = [*teachers]
        self.weight = as_schedule(weight)
        self.temperature = temperature
        self.trusted_packages = trusted_packages

    def load(self) -> Ensemble:
        """Read the teachers.

        Raises:
            ValueError: As `load_captioner`, or their tokenizers differ.
        """
        members = [load_captioner(path, trusted_packages=self.trusted_packages) for path in self.teachers]
        return Ensemble(members, self.teachers)


class DistilledCaptioner(VariationalCaptioner):
    """Trains a variational captioner on captions, and on what teachers expect at each of their words.

    Of the VAE-loss the caption term counts 1 − α, and beside it stands α · T² · Σ_t KL[teacher ‖ student] of the word
    distributions of each caption (Hinton, Vinyals and Dean 2015, section 2; Kim and Rush 2016, section 3.1). Teachers
    read a caption as they would generate it: from the means of their latents, without dropout, and with the same view
    of the image. Features that are cached reach them, too, if they share what is frozen of the student's encoder; what
    was trained behind it is each teacher's own. Validation reports the VAE-loss alone.

    A checkpoint needs no teacher to be loaded.

    Args:
        distillation: Who teaches (`Distillation`).
        **settings: Those of `VariationalCaptioner`.
    """

    built_in_training = (*VariationalCaptioner.built_in_training, "distillation")

    def __init__(self, *, distillation: Config, **settings: Any) -> None:
        super().__init__(**settings)
        self.distillation = distillation
        self._teachers: tuple[Distillation, Ensemble] | None = None  # a tuple: no part of the model, nor of checkpoints
        self._same_fixed_part = False

    def on_fit_start(self) -> None:
        """Load the teachers.

        Raises:
            ValueError: One cannot be read, has another tokenizer, or was trained on the images of validation.
        """
        super().on_fit_start()
        distillation: Distillation = build(self.distillation)
        teachers = distillation.load()
        difference = self.tokenizer.difference(teachers.tokenizer)
        if difference is not None:
            raise ValueError(
                f"model.distillation.teachers: their tokenizer is another than this model's ({difference}); train on "
                f"the data and with the tokenizer that the teachers were trained with"
            )
        self._refuse_known_images(teachers)
        self._same_fixed_part = self.fixed_features is not None and all(
            (part.member.fixed_fingerprint, part.member.image_size) == (self.fixed_fingerprint, self.image_size)
            for part in teachers.slices
        )
        self._teachers = (distillation, teachers.to(self.device))

    def _refuse_known_images(self, teachers: Ensemble) -> None:
        record, datamodule = teachers.trained_on, getattr(self.trainer, "datamodule", None)
        assert record is not None, "an ensemble notes what is known"
        if datamodule is not None:
            known = int(record.knows(datamodule.splits["val"].image_keys).sum())
            if known:
                raise ValueError(
                    f"model.distillation.teachers: {known} of the images of validation are training images of a "
                    f"teacher, so that their figures would say nothing of new images; keep the teachers' split"
                )
        self.record_training(record)

    def training_report(self, report: LossReport, output: CaptionerOutput, batch: CaptionBatch) -> LossReport:
        assert self._teachers is not None, "call on_fit_start first"
        distillation, teachers = self._teachers
        nats_WV = teachers.word_distributions(
            self._as_teachers_see(teachers, output, batch), output.targets_NL, batch.image_of_caption_N
        )
        divergence_N = word_divergence(nats_WV, output, distillation.temperature)
        share = distillation.weight(self.global_step)
        nats = {**report.nats, **mean_of_batch({"distillation": divergence_N})}
        contributions = {
            **report.contributions,
            "caption": (1 - share) * report.contributions["caption"],
            "distillation": share * nats["distillation"],
        }
        return LossReport.of(nats, contributions, {**report.weights, "distillation": share})

    def _as_teachers_see(self, teachers: Ensemble, output: CaptionerOutput, batch: CaptionBatch) -> Tensor:
        """Return the teachers' features of a batch.

        Raises:
            ValueError: Only what is frozen of the student's encoder is at hand, and a teacher has another one.
        """
        if batch.features_BPD is not None and not self._same_fixed_part:
            raise ValueError(
                "data.cache_features=true brings the features of what is frozen of this model's encoder, and a teacher "
                "has another one; set data.cache_features=false, or choose teachers with the same backbone, image_size "
                "and model.encoder.trainable_from"
            )
        if self._same_fixed_part and self.network.encoder.fine_tuning is None:  # all is frozen, and was just computed
            batch = batch._replace(features_BPD=output.features_BPD.detach())
        return teachers.features_of(batch)


def word_divergence(teacher_WV: Tensor, output: CaptionerOutput, temperature: float) -> Tensor:
    """Return T² · Σ_t KL[teacher ‖ student] of each caption in nats, both with their logits divided by T: [N].

    Args:
        teacher_WV: log P of the teacher at each word (see `ReadsAtOnce`).
        output: What the student computed of the same captions.
        temperature: T.
    """
    teacher_WV = (teacher_WV / temperature).log_softmax(dim=1)
    student_WV = (output.logits_WV.float() / temperature).log_softmax(dim=1)
    divergence_W = torch.nn.functional.kl_div(student_WV, teacher_WV, reduction="none", log_target=True).sum(dim=1)
    divergence_N = segment_reduce(divergence_W, "sum", lengths=output.num_words_N, unsafe=True)  # lengths fit
    return temperature**2 * divergence_N
