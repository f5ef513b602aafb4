"""The LightningModule of DALL·E: steps and logging; the mathematics is in `networks` and `losses`.

Shape legend: B images, N captions, R captions to draw from, L tokens, P positions of the grid of codes.
"""

from typing import Literal

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.nn.functional import pad

from datamodules.batch import CaptionBatch, seeds_of_images
from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.base import CaptioningModule, Constraints, EvaluationOutput, GeneratedBatch
from lightning_modules.build import Config, assemble_dalle, build
from lightning_modules.checkpoints.vae_sources import vae_source
from lightning_modules.drawing import CodeDrawer
from lightning_modules.generation import Latent, Strategy
from lightning_modules.inference import generate_captions, origins_of_captions
from lightning_modules.losses import DALLELoss, caption_cross_entropy
from lightning_modules.losses.dalle_loss import SegmentNats, code_cross_entropy
from lightning_modules.losses.longest_captions import longest_captions
from lightning_modules.networks.dalle import DALLE
from lightning_modules.networks.discrete_vae import FrozenDiscreteVAE
from lightning_modules.networks.encoders import FeatureShape
from lightning_modules.optimized_module import OptimizedModule
from lightning_modules.results.explanation import Explanation
from lightning_modules.results.generated import CaptionCodes
from lightning_modules.split_evaluation import SplitEvaluation, SplitLoss
from utils.cache_key import cache_key, sources_of
from utils.seeding import Generators, generators_of_images, run_seed

MOST_ROWS = 512  # captions that are read at once, each of an image, where all are held against all


class DalleCaptioner(CodeDrawer, SplitEvaluation, OptimizedModule, CaptioningModule):
    """A transformer of words and of a discrete VAE's codes, which captions images and draws captions.

    It takes plain configs, not built modules, and builds its networks itself, so that a checkpoint reloads alone: it
    holds the discrete VAE, too. What others read as features are the codes of an image, [B, P, 1].

    Args:
        vae: Where the discrete VAE comes from (see `VAESource`).
        transformer: Reads words and codes.
        code_embedding: The vectors of codes.
        code_reader: Reads the grid of codes before captions are generated; empty for none.
        position: How tokens meet their positions.
        condition: `full` or `causal` (see `DALLE`).
        padding: `masked` or `learned` (see `TextSegment`).
        num_positions: Most tokens of a caption, prefix included.
        loss: The loss.
        optimizer: A `torch.optim.Optimizer`.
        scheduler: A learning rate scheduler that takes `total_steps`, advanced at every step; empty for none.
        generation: The strategy that generates captions in validation and test.
        tokenizer: The fitted tokenizer (`CaptionTokenizer.to_json`).
        image_size: Height and width of the images in pixels.

    Attributes:
        network: The `DALLE`.
    """

    has_likelihood = True
    can_explain = True

    def __init__(
        self,
        *,
        vae: Config,
        transformer: Config,
        code_embedding: Config,
        code_reader: Config,
        position: Config,
        condition: Literal["full", "causal"],
        padding: Literal["masked", "learned"],
        num_positions: int,
        loss: Config,
        optimizer: Config,
        scheduler: Config,
        generation: Config,
        tokenizer: str,
        image_size: int,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)  # the run's whole config goes to the logger, not this part of it
        self.image_size = image_size
        self.tokenizer = CaptionTokenizer.from_json(tokenizer)
        self._vae_source = vae_source(vae)
        self.hparams["vae"] = self._vae_source.stored()
        if self._vae_source.trained_on is not None:
            self.record_training(self._vae_source.trained_on)
        self.network = assemble_dalle(
            vae=FrozenDiscreteVAE(self._vae_source.build(image_size)),
            transformer=transformer,
            code_embedding=code_embedding,
            code_reader=code_reader,
            position=position,
            condition=condition,
            padding=padding,
            num_positions=num_positions,
            vocabulary=self.tokenizer.vocabulary,
        )
        self.loss: DALLELoss = build(loss)
        if self.loss.has("caption_alone", "image_alone") and not self.network.causal:
            raise ValueError(
                "model.loss: caption_alone_weight and image_alone_weight are of first segments, whose tokens only "
                "model.condition=causal predicts; set both to 0, or choose that"
            )
        self.strategy: Strategy = build(generation)
        self.split_loss = SplitLoss(self.loss.evaluated_names(), self.loss.report)

    @property
    def drawing_network(self) -> DALLE:
        return self.network

    @property
    def leaves_parameters_unused(self) -> bool:  # type: ignore[override]
        return not (self.loss.has("caption") and self.loss.has("image"))

    def load_pretrained(self) -> None:
        self._vae_source.load_pretrained(self.network.vae.network)
        if self.network.image.code_reader is not None:
            self.network.image.code_reader.load_pretrained()

    def check_run(self, trainer: Trainer) -> None:
        super().check_run(trainer)
        self._refuse_long("tokenizer.max_length", self.tokenizer.max_length)
        self._refuse_long("generation.max_length", self.strategy.max_length)

    def _refuse_long(self, setting: str, value: int) -> None:
        """Raise a `ValueError` where captions of `value` tokens after the prefix have more than there are positions."""
        text = self.network.text
        if len(text.prefix) + value > text.num_positions:
            raise ValueError(
                f"{setting}={value} is too long for model.num_positions={text.num_positions}; set it to at most "
                f"{text.num_positions - len(text.prefix)}, or raise model.num_positions and train again"
            )

    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        rows_R = self.loss.drawn(self._num_words(batch.tokens_NL), batch.image_of_caption_N)
        tokens_RL, null_1L = batch.tokens_NL[rows_R], self.network.null_tokens()
        null_1L = pad(null_1L, (0, tokens_RL.shape[1] - null_1L.shape[1]), value=self.network.text.pad_id)
        is_null_R = self.loss.is_null(len(rows_R)).to(tokens_RL.device)
        tokens_RL = torch.where(is_null_R.unsqueeze(1), null_1L, tokens_RL)
        terms = self._terms(self._codes(self.features_of(batch)), batch, tokens_RL, batch.image_of_caption_N[rows_R])
        report = self.loss(terms, self.global_step)
        self.log_training_loss(report, len(batch.image_ids_B))
        return report.total

    def evaluate(self, batch: CaptionBatch) -> EvaluationOutput:
        """Generate captions of a batch and add its loss: images are those of their longest captions."""
        features_BP1 = self.features_of(batch)
        codes_BP = self._codes(features_BP1)
        longest_B = longest_captions(self._num_words(batch.tokens_NL), batch.image_of_caption_N)
        every_B = torch.arange(len(codes_BP), device=codes_BP.device)
        terms = self._terms(codes_BP, batch, batch.tokens_NL[longest_B], every_B)
        if "image" in terms:
            terms["image_null"] = code_cross_entropy(self.network.unconditional(codes_BP), codes_BP)
        samples = {
            name: nats if len(nats) == len(batch.tokens_NL) else nats[batch.image_of_caption_N]
            for name, nats in self.loss.samples(terms).items()
        }
        self.split_loss.add(samples, batch.image_ids_B, batch.image_of_caption_N)
        generators = generators_of_images(run_seed(), seeds_of_images(batch), "captions")
        return EvaluationOutput(self.generate(features_BP1, generators=generators))

    def _terms(
        self, codes_BP: Tensor, batch: CaptionBatch, tokens_RL: Tensor, image_of_drawing_R: Tensor
    ) -> dict[str, SegmentNats]:
        """Return the terms that enter the loss: of all captions of a batch, and of images drawn from some."""
        terms: dict[str, SegmentNats] = {}
        if self.loss.has("caption", "image_alone"):
            image_first = self.network.image_first(codes_BP, batch.tokens_NL, batch.image_of_caption_N)
            terms["caption"] = self._caption_nats(image_first.text_logits_WV, image_first.targets_NL)
            if image_first.code_logits_BPK is not None:
                terms["image_alone"] = code_cross_entropy(image_first.code_logits_BPK, codes_BP)
        if self.loss.has("image", "caption_alone"):
            codes_RP = codes_BP[image_of_drawing_R]
            text_first = self.network.text_first(tokens_RL, codes_RP)
            terms["image"] = code_cross_entropy(text_first.code_logits_RPK, codes_RP)
            if text_first.text_logits_WV is not None:
                terms["caption_alone"] = self._caption_nats(text_first.text_logits_WV, text_first.targets_RL)
        return {name: terms[name] for name in self.loss.terms}

    def _caption_nats(self, logits_WV: Tensor, targets_NL: Tensor) -> SegmentNats:
        nats = caption_cross_entropy(
            logits_WV, targets_NL, pad_id=self.network.text.pad_id, label_smoothing=self.loss.label_smoothing
        )
        return SegmentNats(*nats, self._num_words(targets_NL))

    def _num_words(self, tokens_NL: Tensor) -> Tensor:
        return (tokens_NL != self.network.text.pad_id).sum(dim=1)

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Tensor:
        return self.network.encode(images_BCHW).unsqueeze(-1)

    def features_of(self, batch: CaptionBatch) -> Tensor:
        """Return the codes of a batch, [B, P, 1]: those that were cached, or of its images."""
        return self.encode(batch.images_BCHW) if batch.features_BPD is None else batch.features_BPD

    def _codes(self, features_BP1: Tensor) -> Tensor:
        """Return the codes that features are, `codes_BP`.

        Raises:
            ValueError: They are codes of another grid, or none.
        """
        if features_BP1.shape[1:] != (self.network.num_positions, 1):
            raise ValueError(
                f"expected the codes of a grid of {self.network.num_positions} positions, one each, got a tensor of "
                f"shape {[*features_BP1.shape]}; encode the images with this model"
            )
        return features_BP1.squeeze(-1).long()

    def pooled_features(self, features_BPD: Tensor) -> Tensor:
        return self.network.vae.vectors(self._codes(features_BPD)).float().mean(dim=1)

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
        if style_NS is not None or isinstance(strategy, Latent):
            raise ValueError(
                f"{type(self).__name__} has no latents, and so no styles: captions differ by their words alone; choose "
                f"generation=sample or a beam"
            )
        self._refuse_long("generation.max_length", strategy.max_length - 1)  # the last token is not read
        num_images, num = len(features_BPD), strategy.latents.num
        state = self.network.start(self._codes(features_BPD))
        if num > 1:
            state = state.select(torch.arange(num_images, device=features_BPD.device).repeat_interleave(num))
        return generate_captions(
            self.network,
            state,
            self.tokenizer,
            strategy,
            num_images=num_images,
            num_states=num_images * num,
            device=features_BPD.device,
            words=words,
            generators=generators,
        )

    @torch.no_grad()
    def log_likelihood(self, features_BPD: Tensor, tokens_NL: Tensor, num: int, generators: Generators) -> Tensor:
        """Return log P(caption | image) of each caption given each image, [N, B]: exact, nothing is sampled."""
        codes_BP, num_captions = self._codes(features_BPD), len(tokens_NL)
        parts = []
        for part_BP in codes_BP.split(max(1, MOST_ROWS // max(1, num_captions))):
            image_of_row_M = torch.arange(len(part_BP), device=tokens_NL.device).repeat_interleave(num_captions)
            nats_M = self.network.log_probability(part_BP, tokens_NL.repeat(len(part_BP), 1), image_of_row_M)
            parts.append(nats_M.view(len(part_BP), num_captions))
        return torch.cat(parts).T

    @torch.no_grad()
    def explain(
        self, features_BPD: Tensor, tokens_NL: Tensor, latents: CaptionCodes | None = None, *, attention: bool = True
    ) -> Explanation:
        """Return how likely each word was; what the heads of the layers look at is left out."""
        image_of_caption_N = origins_of_captions(tokens_NL, len(features_BPD), "images")
        codes_BP = self._codes(features_BPD)
        return Explanation(self.network.word_predictions(codes_BP, tokens_NL, image_of_caption_N))

    @property
    def features_fingerprint(self) -> str:
        return cache_key(image_size=self.image_size, tensors=dict(self.network.vae.state_dict()))

    @property
    def features_code(self) -> str:
        return sources_of(type(self.network.vae.network).__module__)

    @property
    def fixed_features(self) -> FeatureShape:
        kept: Literal["int16", "int32"] = "int16" if self.network.num_codes <= 2**15 else "int32"
        return FeatureShape(self.network.num_positions, 1, kept)
