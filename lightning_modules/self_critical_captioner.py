"""Self-critical sequence training: captions are sampled and scored, and the better ones are made likelier.

Shape legend: B images, N captions, image by image, K captions of an image, P positions, D features.
"""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor, nn

from datamodules.batch import CaptionBatch
from lightning_modules.base import GeneratedBatch
from lightning_modules.build import Config, build
from lightning_modules.fine_tuning import train_only
from lightning_modules.generation import Greedy, Sample, allowed_words
from lightning_modules.inference import origins_of_captions
from lightning_modules.losses.policy_gradient import kl_of_words, leave_one_out_baseline, policy_gradient
from lightning_modules.networks import Captioner
from lightning_modules.networks.latents import Given, Latents
from lightning_modules.variational_captioner import VariationalCaptioner
from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Tokens
from metrics.rewards import Rewards, caption_rewards, mean_consensus, reward_frequencies, reward_tokens
from utils.distributed import mean_of_batch
from utils.require import require

Baseline = Literal["leave_one_out", "greedy", "references"]


class SelfCritical:
    """What self-critical training samples, and what it rewards.

    Args:
        num: Captions sampled for each image.
        temperature: Divides the logits that words are sampled from.
        latent_scale: Multiplies the standard deviations that latents are sampled with; 0 takes their means.
        baseline: `leave_one_out` (the mean reward of the image's other captions), `greedy` (of the greedy caption) or
            `references` (the mean CIDEr-D of its human captions, each with the others; Phan et al. 2017).
        bleu_weight: Weight of sentence BLEU-4 in the reward, beside CIDEr-D's 1.
        diversity_weight: Weight of a caption's mean CIDEr-D with the image's other captions, which its reward loses:
            trades reward for diversity.
        max_length: Most tokens of a caption, `<eos>` included.
        dropout: Whether captions are sampled with dropout, as they are differentiated (Bujimalla et al. 2020).
        kl_weight: Weight of Σ_t KL[p_t ‖ p0_t] of each sampled caption, where p0 is the model that training started
            from.
        trained_parameters: Patterns of the names of the parameters that are trained (see `train_only`); None for all.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        *,
        num: int = 5,
        temperature: float = 1.0,
        latent_scale: float = 1.0,
        baseline: Baseline = "leave_one_out",
        bleu_weight: float = 0.0,
        diversity_weight: float = 0.0,
        max_length: int = 40,
        dropout: bool = False,
        kl_weight: float = 0.0,
        trained_parameters: Sequence[str] | None = None,
    ) -> None:
        known = f"one of {', '.join(get_args(Baseline))}"
        require(baseline in get_args(Baseline), "model.self_critical.baseline", known, baseline)
        if num < 2 and (baseline == "leave_one_out" or diversity_weight):
            raise ValueError(
                f"model.self_critical.num must be at least 2 to compare an image's captions, got {num}; sample more, "
                f"or choose baseline=greedy without diversity_weight"
            )
        if baseline == "references" and (bleu_weight or diversity_weight):
            raise ValueError(
                "model.self_critical.baseline=references is of CIDEr-D alone; set bleu_weight and diversity_weight to 0"
            )
        weights = {"bleu_weight": bleu_weight, "diversity_weight": diversity_weight, "kl_weight": kl_weight}
        for name, weight in weights.items():
            require(weight >= 0, f"model.self_critical.{name}", "0 or more", weight)
        self.sample = Sample(num=num, temperature=temperature, latent_scale=latent_scale, max_length=max_length)
        self.baseline = baseline
        self.greedy = Greedy(max_length=max_length) if baseline == "greedy" else None
        self.bleu_weight = bleu_weight
        self.diversity_weight = diversity_weight
        self.dropout = dropout
        self.kl_weight = kl_weight
        self.trained_parameters = trained_parameters


class SelfCriticalReport(NamedTuple):
    """What a step of self-critical training computes.

    Attributes:
        loss: What the optimizer minimises.
        figures: The mean reward and its parts, over the captions of all processes, and the seconds that sampling and
            rewards took on this one.
    """

    loss: Tensor
    figures: dict[str, Tensor | float]


class SelfCriticalCaptioner(VariationalCaptioner):
    """Trains a variational captioner by policy gradient on rewards instead of the VAE-loss (Rennie et al. 2017).

    The loss is −E[advantage · log P(caption | S, C)] per caption, the mean over those of all processes, where P is the
    distribution that captions are sampled from: with the temperature, and without suppressed tokens. A policy gradient
    reaches neither the posteriors nor the image decoder.

    Args:
        self_critical: What is sampled and rewarded (`SelfCritical`).
        **settings: Those of `VariationalCaptioner`.
    """

    leaves_parameters_unused = True

    def __init__(self, *, self_critical: Config, **settings: Any) -> None:
        super().__init__(**settings)
        self.self_critical: SelfCritical = build(self_critical)
        self._frequencies: DocumentFrequencies | None = None
        if self.self_critical.trained_parameters is not None:
            train_only(self.network, self.self_critical.trained_parameters)
        self.start: Captioner | None = _copy_of(self.network) if self.self_critical.kl_weight else None
        self.register_load_state_dict_post_hook(_start_where_none_was)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; the model that training started from stays in evaluation mode."""
        super().train(mode)
        if self.start is not None:
            self.start.eval()
        return self

    def load_pretrained(self) -> None:
        super().load_pretrained()
        self.start_here()

    def start_here(self) -> None:
        """Take the weights of now for those that training starts from."""
        if self.start is not None:
            self.start.load_state_dict(_copy_of(self.network).state_dict())

    def on_fit_start(self) -> None:
        super().on_fit_start()
        datamodule = getattr(self.trainer, "datamodule", None)
        if datamodule is not None:
            self._frequencies = reward_frequencies(datamodule.splits["train"].captions)

    def training_step(self, batch: CaptionBatch, batch_idx: int) -> Tensor:
        references = [[reward_tokens(caption) for caption in captions] for captions in batch.references]
        report = self.self_critical_loss(self.features_of(batch), references)
        num_images = len(batch.images_BCHW)
        self.log("train/loss", report.loss, batch_size=num_images)
        self.log("train/reward", report.figures["reward"], prog_bar=True, batch_size=num_images)
        self.log_dict({f"train/self_critical/{n}": v for n, v in report.figures.items()}, batch_size=num_images)
        return report.loss

    def self_critical_loss(self, features_BPD: Tensor, references: Sequence[Sequence[Tokens]]) -> SelfCriticalReport:
        """Sample captions of images, reward them, and return the loss.

        Args:
            features_BPD: The encoder's features of the images.
            references: Of each image, as `reward_tokens`.
        """
        start = time.perf_counter()
        sampled, greedy = self._sample(features_BPD)
        after_sampling = time.perf_counter()
        rewards = self._rewards(sampled, references, diversity_weight=self.self_critical.diversity_weight)
        reward_BK = torch.from_numpy(rewards.total_BK)
        if greedy is not None:
            baseline_BK = torch.from_numpy(self._rewards(greedy, references).total_BK)
        elif self.self_critical.baseline == "references":
            assert self._frequencies is not None, "call on_fit_start first"
            baseline_BK = torch.from_numpy(mean_consensus(references, self._frequencies)).unsqueeze(1)
        else:
            baseline_BK = leave_one_out_baseline(reward_BK)
        advantage_N = (reward_BK - baseline_BK).flatten().float().to(features_BPD.device)
        after_rewards = time.perf_counter()
        samples = {"loss": policy_gradient(self.log_probability(features_BPD, sampled), advantage_N)}
        for name, values_N in {"reward": rewards.total_BK.reshape(-1), **rewards.parts}.items():
            samples[name] = torch.from_numpy(values_N).float().to(features_BPD.device)
        if self.start is not None:
            samples["kl"] = self._kl_from_start(self.start, features_BPD, sampled)
        mean = mean_of_batch(samples)
        loss = mean.pop("loss")
        if self.start is not None:
            loss = loss + self.self_critical.kl_weight * mean["kl"]
            mean["kl"] = mean["kl"].detach()
        seconds = {"seconds/sampling": after_sampling - start, "seconds/rewards": after_rewards - after_sampling}
        return SelfCriticalReport(loss, {**mean, **seconds})

    @torch.no_grad()
    def _sample(self, features_BPD: Tensor) -> tuple[GeneratedBatch, GeneratedBatch | None]:
        """Sample captions, and generate the greedy ones where they are the baseline, always without dropout."""
        self.network.train(self.self_critical.dropout)
        sampled = self.generate(features_BPD, self.self_critical.sample)
        self.network.eval()
        greedy = None if self.self_critical.greedy is None else self.generate(features_BPD, self.self_critical.greedy)
        self.network.train()
        return sampled, greedy

    def _rewards(
        self, generated: GeneratedBatch, references: Sequence[Sequence[Tokens]], *, diversity_weight: float = 0.0
    ) -> Rewards:
        assert self._frequencies is not None, "call on_fit_start first"
        texts = [caption for of_image in generated.captions for caption in of_image]
        finished = generated.finished_N.tolist()
        tokens = [reward_tokens(text, finished=whole) for text, whole in zip(texts, finished, strict=True)]
        each = len(tokens) // len(generated.captions)
        return caption_rewards(
            [tokens[start : start + each] for start in range(0, len(tokens), each)],
            references,
            self._frequencies,
            bleu_weight=self.self_critical.bleu_weight,
            diversity_weight=diversity_weight,
        )

    def log_probability(self, features_BPD: Tensor, sampled: GeneratedBatch) -> Tensor:
        """Return log P of captions from the latents that they were sampled from, with gradients: [N].

        P is the distribution that their words were sampled from.
        """
        latents = _latents_of(self.network, features_BPD, sampled)
        return self.network.log_probability(latents, sampled.tokens_NL, changed=self.as_sampled())

    def _kl_from_start(self, start: Captioner, features_BPD: Tensor, sampled: GeneratedBatch) -> Tensor:
        """Return the KL of the words of sampled captions from the model that training started from, in nats: [N]."""
        tokens_NL = sampled.tokens_NL
        logits_WV = self.network.word_logits(_latents_of(self.network, features_BPD, sampled), tokens_NL)
        with torch.no_grad():
            start_logits_WV = start.word_logits(_latents_of(start, features_BPD, sampled), tokens_NL)
        return kl_of_words(logits_WV, start_logits_WV, (tokens_NL != self.tokenizer.vocabulary.pad_id).sum(dim=1))

    def as_sampled(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return what makes the network's logits those of the distribution that words are sampled from."""
        special, sample = self.tokenizer.vocabulary, self.self_critical.sample
        return lambda logits_WV, is_first_W: sample.filtered(allowed_words(logits_WV, special, is_first_W))


def _start_where_none_was(captioner: nn.Module, keys: Any) -> None:
    """Start from the weights that were loaded where these came from a model that was not trained by rewards."""
    assert isinstance(captioner, SelfCriticalCaptioner)
    if any(name.startswith("start.") for name in keys.missing_keys):
        captioner.start_here()


def _latents_of(network: Captioner, features_BPD: Tensor, sampled: GeneratedBatch) -> Latents:
    """Return what a network makes of the codes that captions were sampled from, of images with these features."""
    assert isinstance(sampled.latents, Latents)
    image_of_caption_N = origins_of_captions(sampled.tokens_NL, len(features_BPD), "images")
    style, content = sampled.latents.style.sample, sampled.latents.content.sample
    latents: Latents = network.latents(features_BPD, image_of_caption_N, Given(style), Given(content))
    return latents


def _copy_of(network: Captioner) -> Captioner:
    """Return a copy that nothing trains, without the encoder, whose features both have."""
    copy = deepcopy(network).requires_grad_(False).eval()
    copy.encoder = nn.Identity()  # type: ignore[assignment] # which nothing asks for features
    copy.decoder_image = None
    return copy
