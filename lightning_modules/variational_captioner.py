"""The LightningModule: steps, optimizers and logging; the mathematics is in `networks` and `losses`.

Shape legend: B images, N captions or their codes, L tokens, S style, C channels, H rows, W columns, R captions to
reconstruct.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from datamodules.batch import CaptionBatch
from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.build import Config, assemble, build
from lightning_modules.checkpoints.remembering import RecordsTraining
from lightning_modules.feature_caching import cache_features, encoder_fingerprint
from lightning_modules.generation import LatentSampling, Strategy
from lightning_modules.inference import Constraints, GeneratedBatch, generate_captions, sample_latents
from lightning_modules.losses import LossReport, LossTerms, VAELoss, caption_cross_entropy, reconstruction_nll
from lightning_modules.losses.longest_captions import longest_captions
from lightning_modules.losses.terms import to_unit_interval
from lightning_modules.networks import CaptionerOutput
from lightning_modules.networks.embeddings.word_vectors import WordVectors
from lightning_modules.networks.latents import Latents
from lightning_modules.optimized_module import OptimizedModule
from lightning_modules.self_critical import SelfCritical, training_frequencies
from lightning_modules.split_evaluation import EvaluationOutput, SplitEvaluation, SplitLoss
from metrics import DocumentFrequencies
from utils.seeding import FOR_CAPTIONS, FOR_LOSS, Generators, generators_of_images, run_seed


class VariationalCaptioner(RecordsTraining, SplitEvaluation, OptimizedModule):
    """Trains and evaluates a variational captioner.

    It takes plain configs, not built modules, and builds its networks itself, so that a checkpoint reloads alone.
    Each config has a `_target_` and its arguments; the folders under `conf/model` hold the choices.

    Args:
        encoder: Image to feature grid.
        latents: Feature grid to style and content codes.
        combiner: Both codes to one context.
        embedding: Words to vectors.
        decoder: Context and words so far to a hidden state.
        attention: The decoder's look at the feature grid; empty for none.
        middle: Hidden state to word logits.
        relaxation: Word logits to (nearly) words for the image decoder.
        image_decoder: Words to an image; empty for none.
        loss: The VAE-loss.
        self_critical: Policy gradient on rewards, which takes the VAE-loss's place in training; empty for none.
        optimizer: A `torch.optim.Optimizer`.
        scheduler: A learning rate scheduler that takes `total_steps`, advanced at every step; empty for none.
        generation: The strategy that says captions in validation and test.
        tokenizer: The fitted tokenizer (`CaptionTokenizer.to_json`).
        image_size: Height and width of the images in pixels.
    """

    def __init__(
        self,
        *,
        encoder: Config,
        latents: Config,
        combiner: Config,
        embedding: Config,
        decoder: Config,
        attention: Config,
        middle: Config,
        relaxation: Config,
        image_decoder: Config,
        loss: Config,
        optimizer: Config,
        scheduler: Config,
        generation: Config,
        tokenizer: str,
        image_size: int,
        self_critical: Config | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)  # the run's whole config goes to the logger, not this part of it
        self.image_size = image_size
        self.tokenizer = CaptionTokenizer.from_json(tokenizer)
        self.network = assemble(
            encoder=encoder,
            latents=latents,
            combiner=combiner,
            embedding=embedding,
            decoder=decoder,
            attention=attention,
            middle=middle,
            relaxation=relaxation,
            image_decoder=image_decoder,
            vocabulary=self.tokenizer.vocabulary,
            image_size=image_size,
        )
        self.loss: VAELoss = build(loss)
        self.strategy: Strategy = build(generation)
        self.self_critical: SelfCritical | None = build(self_critical) if self_critical else None
        self.split_loss = SplitLoss(self.loss, reconstructs=self.can_reconstruct)
        self._frequencies: DocumentFrequencies | None = None

    def load_pretrained(self) -> WordVectors | None:
        """Read published weights and word vectors where the configs name some; for the start of a training run.

        Returns:
            Which words got a published vector; None where words start at random.

        Raises:
            ValueError: A named file is not there or does not fit.
        """
        self.network.encoder.load_pretrained()
        return self.network.embedding.load_vectors(self.tokenizer.words)

    def on_fit_start(self) -> None:
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is None:
            return
        if self.self_critical is not None:
            self._frequencies = training_frequencies(datamodule)
        if datamodule.cache_features:
            cache_features(
                self.trainer,
                datamodule,
                self.network.encoder,
                encode=lambda images_BCHW: self.encode(images_BCHW.to(self.device)),
                fingerprint=self.encoder_fingerprint,
                with_images=self.can_reconstruct,
            )

    @property
    def encoder_fingerprint(self) -> str:
        """A checksum of all that the encoder's features of an image depend on."""
        return encoder_fingerprint(self.network.encoder, self.hparams["encoder"], self.image_size)

    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        features_BPD = self.encode_batch(batch)
        if self.self_critical is not None:
            return self._self_critical_step(self.self_critical, features_BPD, batch)
        lengths_N = (batch.tokens_NL != self.tokenizer.vocabulary.pad_id).sum(dim=1)
        report, _ = self._loss(features_BPD, batch, reconstruct_R=longest_captions(lengths_N, batch.image_of_caption_N))
        self._log_report(report, batch)
        return report.total

    def _self_critical_step(self, step: SelfCritical, features_BPD: Tensor, batch: CaptionBatch) -> Tensor:
        assert self._frequencies is not None, "call on_fit_start first"
        report = step(self, features_BPD, batch, self._frequencies)
        num_images = len(batch.images_BCHW)
        self.log("train/loss", report.loss, batch_size=num_images)
        self.log("train/reward", report.logged["reward"], prog_bar=True, batch_size=num_images)
        self.log_dict({f"train/self_critical/{n}": v for n, v in report.logged.items()}, batch_size=num_images)
        return report.loss

    def evaluate(self, batch: CaptionBatch) -> EvaluationOutput:
        image_ids = batch.image_ids_B.tolist()
        for_captions, for_loss = (
            generators_of_images(run_seed(), image_ids, purpose) for purpose in (FOR_CAPTIONS, FOR_LOSS)
        )
        features_BPD = self.encode_batch(batch)
        every_R = torch.arange(len(batch.tokens_NL), device=self.device)
        terms, latents = self._terms(features_BPD, batch, reconstruct_R=every_R, generators=for_loss)
        self.split_loss.add(terms, batch)
        return {"descriptions": self.generate(features_BPD, generators=for_captions), "latents": latents}

    def encode_batch(self, batch: CaptionBatch) -> Tensor:
        """Return a batch's images as the encoder sees them, or saw them before: `features_BPD`."""
        return self.network.encoder(batch.images_BCHW) if batch.features_BPD is None else batch.features_BPD.float()

    def _loss(self, features_BPD: Tensor, batch: CaptionBatch, reconstruct_R: Tensor) -> tuple[LossReport, Latents]:
        terms, latents = self._terms(features_BPD, batch, reconstruct_R)
        return self.loss(terms, self.global_step), latents

    def _terms(
        self, features_BPD: Tensor, batch: CaptionBatch, reconstruct_R: Tensor, generators: Generators | None = None
    ) -> tuple[LossTerms, Latents]:
        output: CaptionerOutput = self.network(
            features_BPD, batch.tokens_NL, batch.image_of_caption_N, reconstruct_R, self.global_step, generators
        )
        reconstruction_R = None
        if output.reconstruction_RCHW is not None:
            originals_BCHW = to_unit_interval(batch.images_BCHW, size=output.reconstruction_RCHW.shape[-1])
            originals_RCHW = originals_BCHW[batch.image_of_caption_N[reconstruct_R]]
            reconstruction_R = reconstruction_nll(output.reconstruction_RCHW, originals_RCHW)
        nats = caption_cross_entropy(
            output.logits_WV,
            output.targets_NL,
            pad_id=self.tokenizer.vocabulary.pad_id,
            label_smoothing=self.loss.label_smoothing,
        )
        terms = LossTerms(
            caption_N=nats.caption_N,
            smoothed_N=nats.smoothed_N,
            reconstruction_R=reconstruction_R,
            kl_style_NZ=output.latents.style.kl,
            kl_content_NZ=output.latents.content.kl,
        )
        return terms, output.latents

    def _log_report(self, report: LossReport, batch: CaptionBatch) -> None:
        num_images = len(batch.images_BCHW)
        self.log("train/loss", report.total, prog_bar=True, batch_size=num_images)
        scalars = {f"weight/{name}": torch.tensor(value) for name, value in report.weights.items()}
        self.log_dict(scalars | report.named("train"), batch_size=num_images)

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD`, images (`uint8`, `image_size` pixels square) as the encoder sees them."""
        features_BPD: Tensor = self.network.encoder(images_BCHW)
        return features_BPD

    def describe(
        self,
        images_BCHW: Tensor,
        strategy: Strategy | None = None,
        *,
        words: Constraints = None,
        style_NS: Tensor | None = None,
        generators: Generators | None = None,
    ) -> GeneratedBatch:
        """Say captions of images.

        Args:
            images_BCHW: `uint8`, `image_size` pixels square.
            strategy: How; by default the model's own.
            words: What every caption must contain, for all images or for each; needs a `ConstrainedBeam`.
            style_NS: Styles to say them in, equally many of each image, in the order of the images, instead of those
                that the strategy would draw. C follows from q(C|I,S).
            generators: Where random numbers come from, one for each image, so that what is said of it does not depend
                on the others; None for PyTorch's own.

        Raises:
            ValueError: A word is unknown, the strategy cannot be constrained, or the styles have a wrong shape.
        """
        return self.generate(self.encode(images_BCHW), strategy, words=words, style_NS=style_NS, generators=generators)

    def codes(self, images_BCHW: Tensor, sampling: LatentSampling | None = None) -> Latents:
        """Draw the codes of images; by default their means, of which `style.sample` is each image's own style."""
        return self.sample_latents(self.encode(images_BCHW), sampling)

    @torch.no_grad()
    def sample_latents(self, features_BPD: Tensor, sampling: LatentSampling | None = None) -> Latents:
        """Draw codes as `codes` does, of images that were encoded before."""
        return sample_latents(self.network, features_BPD, sampling or LatentSampling())

    @torch.no_grad()
    def latents_of_captions(self, features_BPD: Tensor, captions: Sequence[Sequence[str]]) -> Latents:
        """Draw the codes of captions that people wrote, image by image, as training sees them."""
        tokens = [torch.tensor(ids) for of_image in captions for ids in self.tokenizer.encode_batch(of_image)]
        tokens_NL = pad_sequence(tokens, batch_first=True, padding_value=self.tokenizer.vocabulary.pad_id)
        counts_B = torch.tensor([len(of_image) for of_image in captions])
        image_of_caption_N = torch.arange(len(captions)).repeat_interleave(counts_B).to(self.device)
        return self.network.posterior(features_BPD, tokens_NL.to(self.device), image_of_caption_N)

    @torch.no_grad()
    def generate(
        self,
        features_BPD: Tensor,
        strategy: Strategy | None = None,
        *,
        words: Constraints = None,
        style_NS: Tensor | None = None,
        generators: Generators | None = None,
    ) -> GeneratedBatch:
        """Say captions as `describe` does, of images that were encoded before."""
        strategy = strategy or self.strategy
        latents = sample_latents(self.network, features_BPD, strategy.codes, style_NS, generators)
        return generate_captions(
            self.network,
            self.tokenizer,
            latents,
            strategy,
            num_images=len(features_BPD),
            words=words,
            generators=generators,
        )

    @torch.no_grad()
    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        """Reconstruct images from sentences; `images_NCHW` in [0, 1].

        Raises:
            ValueError: The model has no image decoder.
        """
        return self.network.reconstruct(tokens_NL)

    @property
    def can_reconstruct(self) -> bool:
        """Whether the model has an image decoder."""
        return self.network.decoder_image is not None
