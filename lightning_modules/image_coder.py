"""The LightningModule of discrete VAEs: steps and logging; the mathematics is in `networks` and `losses`.

Shape legend: B images, C channels, H rows, W columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from datamodules.batch import CaptionBatch, seeds_of_images
from lightning_modules.build import Config, assemble_discrete_vae, build
from lightning_modules.losses import DiscreteVAELoss
from lightning_modules.losses.discrete_vae_loss import cost_of
from lightning_modules.optimized_module import OptimizedModule
from lightning_modules.results.coded_images import CodedImages
from lightning_modules.split_evaluation import SplitEvaluation, SplitLoss
from utils.seeding import generators_of_images, run_seed


class ImageCoder(SplitEvaluation, OptimizedModule):
    """A discrete VAE, which turns images into a grid of codes, and codes into images; it reads no captions.

    It takes plain configs, not built modules, and builds its network itself, so that a checkpoint reloads alone. Each
    config has a `_target_` and its arguments; the folders under `conf/model` hold the choices.

    Args:
        encoder: Image to features.
        quantizer: Features to codes and their vectors.
        grid_decoder: Vectors to an image.
        loss: The loss, whose reconstruction term says what the decoder's outputs mean.
        optimizer: A `torch.optim.Optimizer`.
        scheduler: A learning rate scheduler that takes `total_steps`, advanced at every step; empty for none.
        image_size: Height and width of the images in pixels.

    Attributes:
        network: The discrete VAE.
    """

    can_reconstruct = True

    def __init__(
        self,
        *,
        encoder: Config,
        quantizer: Config,
        grid_decoder: Config,
        loss: Config,
        optimizer: Config,
        scheduler: Config,
        image_size: int,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)  # the run's whole config goes to the logger, not this part of it
        self.image_size = image_size
        self.network = assemble_discrete_vae(
            encoder=encoder,
            quantizer=quantizer,
            grid_decoder=grid_decoder,
            reconstruction=loss["reconstruction"],
            image_size=image_size,
            decodes_features=loss.get("features_weight", 0) != 0,
        )
        self.loss: DiscreteVAELoss = build(loss, cost=cost_of(self.network.quantizer))
        self.split_loss = SplitLoss(self.loss.names, self.loss.report)

    def load_pretrained(self) -> None:
        self.network.encoder.load_pretrained()

    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        output = self.network(batch.images_BCHW, self.global_step)
        report = self.loss(self.loss.samples(output, batch.images_BCHW), self.global_step)
        of_quantizer = {f"train/quantizer/{name}": value for name, value in output.quantized.logged.items()}
        self.log_training_loss(report, len(batch.images_BCHW), of_quantizer)
        return report.total

    def evaluate(self, batch: CaptionBatch) -> CodedImages:
        """Code and decode the images of a batch and add its loss, all by hard codes and without noise."""
        output = self.network(batch.images_BCHW, self.global_step)
        self.split_loss.add(self.loss.samples(output, batch.images_BCHW), batch.image_ids_B)
        generators = generators_of_images(run_seed(), seeds_of_images(batch), "loss")
        return CodedImages(
            codes_BP=output.quantized.codes_BP,
            num_codes=self.network.num_codes,
            grid_size=self.network.grid_size,
            images_BCHW=self.network.pixels.images(output.outputs_BXHW),
            relaxed_BCHW=self.network.relaxed_images(batch.images_BCHW, self.evaluated_step, generators),
        )

    def reconstructions(self, output: CodedImages, rows: Sequence[int] | None = None) -> Tensor:
        return output.images_BCHW if rows is None else output.images_BCHW[rows]

    @torch.no_grad()
    def predict_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        """Return the codes of a batch: `trainer.predict(coder, loader)`."""
        return self.network.encode(batch.images_BCHW)
