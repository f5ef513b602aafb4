"""The LightningModule of variational captioning: steps and logging; the mathematics is in `networks` and `losses`.

Shape legend: B images, N captions or their latents, L tokens, S style, C channels, H rows, W columns, R captions to
reconstruct from.
"""

import logging
from collections.abc import Sequence

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from datamodules.batch import CaptionBatch, seeds_of_images
from datamodules.tokenizers import CaptionTokenizer, content_ids
from lightning_modules.base import CaptioningModule, Constraints, EvaluationOutput, GeneratedBatch
from lightning_modules.build import Config, assemble, build
from lightning_modules.exporting import ExportedModel, captioner_parts
from lightning_modules.fine_tuning import FineTunedModule
from lightning_modules.generation import LatentSampling, Strategy
from lightning_modules.inference import (
    LikeliestStyle,
    explain_captions,
    generate_captions,
    likelihood_of_images,
    sample_latents,
)
from lightning_modules.losses import (
    LossReport,
    LossTerms,
    NetworkWidths,
    VAELoss,
    caption_cross_entropy,
    reconstruction_nll,
)
from lightning_modules.losses.longest_captions import longest_captions
from lightning_modules.losses.terms import to_unit_interval
from lightning_modules.networks import CaptionerOutput
from lightning_modules.networks.caption_lengths import refuse_long
from lightning_modules.networks.encoders import FeatureShape
from lightning_modules.networks.encoders.fingerprint import encoder_fingerprint
from lightning_modules.networks.latents import MEAN, Given, Latents
from lightning_modules.results.explanation import Explanation
from lightning_modules.results.generated import CaptionCodes
from lightning_modules.split_evaluation import SplitEvaluation, SplitLoss
from utils.cache_key import sources_of
from utils.seeding import Generators, generators_of_images, run_seed

log = logging.getLogger(__name__)


class VariationalCaptioner(SplitEvaluation, FineTunedModule, CaptioningModule):
    """Trains and evaluates a variational captioner.

    It takes plain configs, not built modules, and builds its networks itself, so that a checkpoint reloads alone.
    Each config has a `_target_` and its arguments; the folders under `conf/model` hold the choices.

    Args:
        encoder: Image to features.
        latents: Features to style and content.
        combiner: Style and content to one context.
        embedding: Words to vectors.
        decoder: Context and words so far to a hidden state.
        attention: The decoder's attention to the image; empty for none.
        middle: Hidden state to word logits.
        relaxation: Word logits to (nearly) words for the image decoder.
        image_decoder: Words to an image; empty for none.
        memory: What attention reads beside the image; empty for nothing.
        loss: The VAE-loss.
        optimizer: A `torch.optim.Optimizer`.
        scheduler: A learning rate scheduler that takes `total_steps`, advanced at every step; empty for none.
        generation: The strategy that generates captions in validation and test.
        tokenizer: The fitted tokenizer (`CaptionTokenizer.to_json`).
        image_size: Height and width of the images in pixels.
    """

    has_latents = True
    has_likelihood = True
    can_explain = True

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
        memory: Config | None = None,
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
            memory=memory,
            word_ids=content_ids(self.tokenizer) if memory else (),
        )
        self.discrete_latents = self.network.latents.discrete
        tuning = self.network.encoder.fine_tuning
        if tuning is not None and tuning.after_epochs:  # until then its parameters have no gradient
            self.leaves_parameters_unused = True
        widths = NetworkWidths(
            style_dim=self.network.latents.style_dim,
            content_dim=self.network.latents.content_dim,
            vocab_size=self.tokenizer.vocabulary.size,
        )
        self.loss: VAELoss = build(loss, widths=widths)
        if self.loss.caption_weights is not None:
            self.caption_weights = self.loss.caption_weights.of_image
        self.strategy: Strategy = build(generation)
        self.split_loss = SplitLoss(self.loss.names(reconstructs=self.can_reconstruct), self.loss.report)

    def load_pretrained(self) -> None:
        self.network.encoder.load_pretrained()
        found = self.network.embedding.load_vectors(self.tokenizer.words)
        if found is not None:
            log.info("word vectors cover %.1f%% of the vocabulary", 100 * found.coverage)

    def check_run(self, trainer: Trainer) -> None:
        super().check_run(trainer)
        refuse_long(self.network, "generation.max_length", self.strategy.max_length)
        refuse_long(self.network, "tokenizer.max_length", self.tokenizer.max_length)

    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        lengths_N = (batch.tokens_NL != self.tokenizer.vocabulary.pad_id).sum(dim=1)
        longest_B = longest_captions(lengths_N, batch.image_of_caption_N)
        reconstruct_R = longest_B[: self.loss.num_reconstructed(len(longest_B))]  # images are in random order
        terms, output = self._terms(self.features_of(batch), batch, reconstruct_R)
        report = self.training_report(self.loss(terms, self.global_step), output, batch)
        self.log_training_loss(report, len(batch.images_BCHW))
        return report.total

    def training_report(self, report: LossReport, output: CaptionerOutput, batch: CaptionBatch) -> LossReport:
        """Return the loss that a step minimises, from the VAE-loss and what it was made of: here the VAE-loss."""
        return report

    def evaluate(self, batch: CaptionBatch) -> EvaluationOutput:
        """Generate captions of a batch and add its loss; neither may depend on the other images of the batch."""
        images = seeds_of_images(batch)
        for_captions = generators_of_images(run_seed(), images, "captions")
        for_loss = generators_of_images(run_seed(), images, "loss")
        features_BPD = self.features_of(batch)
        every_R = torch.arange(len(batch.tokens_NL), device=self.device)
        terms, output = self._terms(features_BPD, batch, every_R, for_loss)
        self.split_loss.add(self.loss.samples(terms), batch.image_ids_B, batch.image_of_caption_N)
        return EvaluationOutput(self.generate(features_BPD, generators=for_captions), output.latents)

    def _terms(
        self, features_BPD: Tensor, batch: CaptionBatch, reconstruct_R: Tensor, generators: Generators | None = None
    ) -> tuple[LossTerms, CaptionerOutput]:
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
            extra=self.loss.extra_terms(output),
            weights_N=batch.weights_N,
        )
        return terms, output

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Tensor:
        features_BPD: Tensor = self.network.encoder(images_BCHW)
        return features_BPD

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
        strategy = strategy or self.strategy
        refuse_long(self.network, "generation.max_length", strategy.max_length)
        latents = self._latents(features_BPD, strategy.latents, style_NS, generators)
        return generate_captions(
            self.network,
            self.network.start(latents),
            self.tokenizer,
            strategy,
            num_images=len(features_BPD),
            num_states=len(latents.style.sample),
            device=features_BPD.device,
            latents=latents,
            words=words,
            generators=generators,
        )

    @torch.no_grad()
    def sample_latents(self, features_BPD: Tensor, sampling: LatentSampling | None = None) -> Latents:
        return self._latents(features_BPD, sampling or LatentSampling())

    def _latents(
        self,
        features_BPD: Tensor,
        sampling: LatentSampling,
        style_NS: Tensor | None = None,
        generators: Generators | None = None,
    ) -> Latents:
        mean = LikeliestStyle(self.network, features_BPD, self.tokenizer.vocabulary, self.tokenizer.max_length)
        return sample_latents(self.network.latents, features_BPD, sampling, style_NS, generators, mean=mean)

    @property
    def latents_read_captions(self) -> bool:
        return self.network.latents.reads_captions

    @property
    def style_sees_image(self) -> bool:
        return self.network.latents.style_sees_image

    @torch.no_grad()
    def latents_of_captions(
        self,
        features_BPD: Tensor,
        captions: Sequence[Sequence[str]],
        *,
        latent_scale: float = 1.0,
        generators: Generators | None = None,
    ) -> Latents:
        tokens = [torch.tensor(ids) for of_image in captions for ids in self.tokenizer.encode_batch(of_image)]
        tokens_NL = pad_sequence(tokens, batch_first=True, padding_value=self.tokenizer.vocabulary.pad_id)
        counts_B = torch.tensor([len(of_image) for of_image in captions])
        image_of_caption_N = torch.arange(len(captions)).repeat_interleave(counts_B).to(self.device)
        return self.network.posterior(
            features_BPD, tokens_NL.to(self.device), image_of_caption_N, generators, latent_scale=latent_scale
        )

    @torch.no_grad()
    def log_likelihood(self, features_BPD: Tensor, tokens_NL: Tensor, num: int, generators: Generators) -> Tensor:
        sampling = LatentSampling(num=num, style_scale=1.0, content_scale=1.0)
        latents = self._latents(features_BPD, sampling, generators=generators)
        return likelihood_of_images(self.network, latents, tokens_NL, num_images=len(features_BPD))

    @torch.no_grad()
    def word_distributions(self, features_BPD: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> Tensor:
        """Return log P of all words where captions have one, from the means of the latents (see `ReadsAtOnce`)."""
        of_images = self._latents(features_BPD, LatentSampling()).style.sample
        latents = self.network.latents(features_BPD, image_of_caption_N, Given(of_images[image_of_caption_N]), MEAN)
        return self.network.word_distributions(latents, tokens_NL)

    @torch.no_grad()
    def explain(
        self, features_BPD: Tensor, tokens_NL: Tensor, latents: CaptionCodes | None = None, *, attention: bool = True
    ) -> Explanation:
        if latents is None:
            latents = self.sample_latents(features_BPD)
        assert isinstance(latents, Latents), "of this model"
        return explain_captions(self.network, latents, tokens_NL, attention=attention)

    @torch.no_grad()
    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        return self.network.reconstruct(tokens_NL)

    @property
    def can_reconstruct(self) -> bool:
        return self.network.decoder_image is not None

    def export_parts(self) -> ExportedModel:
        return captioner_parts(self.network, image_size=self.image_size, max_length=self.tokenizer.max_length)

    @property
    def features_fingerprint(self) -> str:
        return encoder_fingerprint(self.network.encoder, self.hparams["encoder"], self.image_size)

    @property
    def fixed_fingerprint(self) -> str:
        return encoder_fingerprint(self.network.encoder, self.hparams["encoder"], self.image_size, fixed_part=True)

    @property
    def features_code(self) -> str:
        return sources_of(type(self.network.encoder).__module__)

    @property
    def fixed_features(self) -> FeatureShape | None:
        return self.network.encoder.fixed_shape

    @torch.no_grad()
    def encode_fixed(self, images_BCHW: Tensor) -> Tensor:
        return self.network.encoder.fixed_part(images_BCHW)
