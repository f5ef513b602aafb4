"""What the framework asks of a model: of any model that is trained, and of a model that captions images.

`train.py`, callbacks, checkpoints, `evaluate.py`, `caption.py` and rankers know these two classes and no model by name.
A family of models is one module that extends them, in this project or in a package of your own.

Shape legend: B images, N captions of all images, image by image, L tokens, C channels, H rows, W columns, P positions
of the encoder's grid, D features of a position, S style.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from datamodules.batch import CaptionBatch, seeds_of_images
from datamodules.tokenizers import CaptionTokenizer
from datamodules.training_record import TrainingRecord
from lightning_modules.checkpoints.formats import header, upgraded
from lightning_modules.drawing.drawer import Drawer
from lightning_modules.exporting import ExportedModel
from lightning_modules.features import ImageFeatures
from lightning_modules.generation import LatentSampling, Strategy
from lightning_modules.networks.latents import Latents
from lightning_modules.results.evaluation_output import EvaluationOutput, Example
from lightning_modules.results.explanation import Explanation
from lightning_modules.results.generated import CaptionCodes, GeneratedBatch
from utils.lightning_internals import take_clipped_gradients
from utils.seeding import Generators, generators_of_images, run_seed

Constraints = Sequence[str] | Sequence[Sequence[str]] | None
"""Words that every caption must contain: for all images, or a list for each; None for those of the strategy."""


class FacetModule(LightningModule, ABC):
    """Any model that `train.py` can train, `average.py` can average, and a checkpoint can bring back.

    Its constructor takes keywords alone: `image_size` (in pixels), and whatever stands in its YAML under `conf/model`,
    as plain values and nested settings with a `_target_`. It calls `save_hyperparameters(logger=False)` and builds its
    networks itself (see `lightning_modules.build`), so that a checkpoint can be reloaded alone. Checkpoints name the
    class, and hold the keys of the training images.

    Attributes:
        leaves_parameters_unused: Whether a training step may leave parameters without a gradient, which data-parallel
            training then expects.
        built_in_training: Names of settings that the constructor does not build anything of, such as the optimizer:
            whoever loads a checkpoint need not trust their classes.
        trained_on: What the weights that it started from were trained on; None for a random start.
        caption_weights: From `CaptionDataModule.consensus` of an image to its captions' weights; None for alike.
    """

    leaves_parameters_unused: bool = False
    built_in_training: tuple[str, ...] = ("optimizer", "scheduler")
    trained_on: TrainingRecord | None = None
    caption_weights: Callable[[Tensor], Tensor] | None = None

    def load_pretrained(self) -> None:
        """Read published weights where the settings name some; for the start of a training run, and logged here.

        Raises:
            ValueError: A named file is not there or does not fit.
        """
        return

    def check_run(self, trainer: Trainer) -> None:
        """Refuse what would fail, or come to nothing, after hours of training.

        Raises:
            ValueError: A setting of the model does not fit another one, or the trainer.
        """
        return

    def examples(self, batch: CaptionBatch) -> list[Example]:
        """Return for each image of a batch what the model makes of it, to be read; nothing by default."""
        return []

    def record_training(self, record: TrainingRecord) -> None:
        """Note that the weights were trained on these images, beside those that are known."""
        self.trained_on = record if self.trained_on is None else self.trained_on | record

    def configure_gradient_clipping(self, optimizer: Optimizer, *args: Any, **settings: Any) -> None:
        """Clip gradients, also those of a fused optimizer under mixed precision."""
        take_clipped_gradients(optimizer)
        super().configure_gradient_clipping(optimizer, *args, **settings)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint.update(upgraded(checkpoint))
        super().on_load_checkpoint(checkpoint)
        self.record_training(TrainingRecord.from_checkpoint(checkpoint.get("trained_on")))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is not None:
            self.record_training(datamodule.training_record)
        checkpoint |= header(type(self), self.trained_on)


class EvaluatedModule(FacetModule):
    """A model whose validation and test steps hand something to the callbacks.

    Attributes:
        can_reconstruct: Whether it makes images of its own, so that `reconstructions` works.
    """

    @property
    def can_reconstruct(self) -> bool:
        return False

    @abstractmethod
    def evaluate(self, batch: CaptionBatch) -> Any:
        """Return what is made of a batch, such as an `EvaluationOutput`; nothing may depend on its other images."""

    def reconstructions(self, output: Any, rows: Sequence[int] | None = None) -> Tensor:
        """Return the images that it made of some images of a batch, all for None: `images_RCHW` in [0, 1].

        Args:
            output: What `evaluate` has returned.
            rows: Which images of the batch.

        Raises:
            ValueError: The model makes no images.
        """
        raise ValueError(f"{type(self).__name__} makes no images")

    def validation_step(self, batch: CaptionBatch, batch_idx: int) -> Any:
        return self._evaluate(batch)

    def test_step(self, batch: CaptionBatch, batch_idx: int) -> Any:
        return self._evaluate(batch)

    def _evaluate(self, batch: CaptionBatch) -> Any:
        if not len(batch.image_ids_B):  # none of its images could be read
            return None
        # Also where training runs in lower precision: the figures are those of the weights as they are saved and used
        with torch.autocast(self.device.type, enabled=False):
            return self.evaluate(batch)


class CaptioningModule(ImageFeatures, Drawer, EvaluatedModule):
    """A model that captions images: what callbacks, rankers, `evaluate.py` and `caption.py` ask of it.

    Its constructor takes `tokenizer`, too (a string, see `CaptionTokenizer.to_json`). Only `encode` and `generate` have
    to be written, beside `training_step` and `configure_optimizers`. Validation and test then generate captions, which
    the callbacks score; a model that also has a loss to report overrides `evaluate`.

    Attributes:
        tokenizer: Turns words into the ids that it reads and generates.
        image_size: Height and width of its images in pixels.
        strategy: How it generates captions unless told otherwise.
        can_reconstruct: Whether `reconstruct` works.
        has_latents: Whether `sample_latents` and `latents_of_captions` work, and captions can be generated in a style.
        discrete_latents: Which of `style` and `content` are choices from a codebook; their distributions are those of
            `lightning_modules.networks.latents.CategoricalCode`.
        has_likelihood: Whether `log_likelihood` works.
        latents_read_captions: Whether `latents_of_captions` depend on the captions, beside their image.
        style_sees_image: Whether S depends on the image where no caption is known.
        can_explain: Whether `explain` works.
    """

    tokenizer: CaptionTokenizer
    image_size: int
    strategy: Strategy
    has_latents: bool = False
    discrete_latents: tuple[str, ...] = ()
    has_likelihood: bool = False
    can_explain: bool = False

    @property
    def latents_read_captions(self) -> bool:
        return False

    @property
    def style_sees_image(self) -> bool:
        return True

    @abstractmethod
    def generate(
        self,
        features_BPD: Tensor,
        strategy: Strategy | None = None,
        *,
        words: Constraints = None,
        style_NS: Tensor | None = None,
        generators: Generators | None = None,
    ) -> GeneratedBatch:
        """Generate captions of images that were encoded before.

        Args:
            features_BPD: See `encode`.
            strategy: How; by default the model's own.
            words: What every caption must contain, for all images or for each; needs a `ConstrainedBeam`.
            style_NS: Styles to generate them in, equally many of each image, in order; None for those of the strategy.
            generators: One for each image, so that its captions do not depend on other images; None for PyTorch's own.

        Raises:
            ValueError: A word is unknown, the strategy cannot be constrained, or the styles have a wrong shape.
        """

    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        """Reconstruct images from captions (token ids after the prefix, padded); `images_NCHW` in [0, 1].

        Raises:
            ValueError: The model has no image decoder.
        """
        raise ValueError(f"{type(self).__name__} has no image decoder, so it cannot reconstruct images")

    def reconstructions(self, output: EvaluationOutput, rows: Sequence[int] | None = None) -> Tensor:
        first_BL = output.generated.tokens_NL[:: len(output.generated.captions[0])]  # of each image its first caption
        return self.reconstruct(first_BL if rows is None else first_BL[rows])

    def sample_latents(self, features_BPD: Tensor, sampling: LatentSampling | None = None) -> Latents:
        """Sample latents of images; by default their means, of which `style.sample` is each image's own style.

        Raises:
            ValueError: The model has no latents.
        """
        raise ValueError(f"{type(self).__name__} has no latents, and so no styles; leave them out")

    def latents_of_captions(
        self,
        features_BPD: Tensor,
        captions: Sequence[Sequence[str]],
        *,
        latent_scale: float = 1.0,
        generators: Generators | None = None,
    ) -> Latents:
        """Sample the latents of human captions, image by image, as training sees them (`generators`: see `generate`).

        At `latent_scale` 0 they are the means.

        Raises:
            ValueError: The model has no latents.
        """
        raise ValueError(f"{type(self).__name__} has no latents, and so no styles; leave them out")

    def explain(
        self, features_BPD: Tensor, tokens_NL: Tensor, latents: CaptionCodes | None = None, *, attention: bool = True
    ) -> Explanation:
        """Return how the model comes to each word of captions.

        Args:
            features_BPD: See `encode`.
            tokens_NL: The captions, image by image, equally many of each: token ids after the prefix, padded.
            latents: What they were generated from, such as `GeneratedBatch.latents`; None for the means of each image.
            attention: Whether to look at the attention, too, which costs another pass through the decoder.

        Raises:
            ValueError: The model cannot tell, or there are not equally many captions of each image.
        """
        raise ValueError(f"{type(self).__name__} cannot explain its captions")

    def log_likelihood(self, features_BPD: Tensor, tokens_NL: Tensor, num: int, generators: Generators) -> Tensor:
        """Return log P(caption | image) of each caption (ids after the prefix) given each image, in nats: [N, B].

        With latents, that of the mean P(caption | S, C) over `num` draws from the image alone, by its generator.

        Raises:
            ValueError: The model cannot tell.
        """
        raise ValueError(f"{type(self).__name__} does not tell how likely a given caption is")

    def export_parts(self) -> ExportedModel:
        """Return the model as parts that can run outside of this project and of PyTorch, for `export.py`.

        Raises:
            ValueError: The model cannot be exported.
        """
        raise ValueError(f"{type(self).__name__} cannot be exported: its class has no `export_parts`")

    def examples(self, batch: CaptionBatch) -> list[Example]:
        """Return the first caption that the model generates for each image, and the first human one."""
        with torch.no_grad():
            generated = self._generate(batch)
        return [
            Example(captions[0], references[0])
            for captions, references in zip(generated.captions, batch.references, strict=True)
        ]

    def evaluate(self, batch: CaptionBatch) -> EvaluationOutput:
        """Generate captions of a batch; those of an image may not depend on the other images."""
        return EvaluationOutput(self._generate(batch))

    def _generate(self, batch: CaptionBatch) -> GeneratedBatch:
        """Generate captions by the model's own strategy."""
        generators = generators_of_images(run_seed(), seeds_of_images(batch))
        return self.generate(self.features_of(batch), generators=generators)

    @torch.no_grad()
    def predict_step(self, batch: CaptionBatch, batch_idx: int) -> GeneratedBatch:
        """Generate captions of a batch by the model's own strategy: `trainer.predict(captioner, loader)`."""
        return self._generate(batch)
