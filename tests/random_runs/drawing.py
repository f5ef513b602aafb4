"""Draws settings at random: any legal combination of parts, data, trainer keys and ways to generate."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from tests.random_runs.materials import BACKBONE, Materials
from tests.tiny_run import compose_train

GROUPS: Mapping[str, Sequence[str]] = {
    "tokenizer": ("word", "word", "bpe", "gpt2"),
    "model/encoder": ("resnet", "resnet", "timm"),
    "model/latents": ("gaussian", "spatial", "conditional", "conditional_flow", "categorical_style"),
    "model/combiner": ("mult", "add", "film", "gated", "attention"),
    "model/embedding": ("learned", "learned", "learned", "pretrained"),
    "model/attention": ("luong", "multi_head", "none"),
    "model/decoder": ("gru", "lstm", "transformer"),
    "model/relaxation": ("gumbel", "expected"),
    "model/image_decoder": ("convolutional", "none"),
    "model/loss/kl_loss_weight": ("linear", "constant", "cyclical"),
    "model/optimizer": ("adam", "adamw", "muon"),
    "model/scheduler": ("one_cycle", "warmup_cosine", "constant"),
    "generation": ("greedy", "beam", "diverse_beam", "sample", "latent"),
    "callbacks": ("default", "default", "ema", "none"),
    "logger": ("tensorboard", "tensorboard", "tensorboard", "none"),
}
"""Options of the groups that every run draws from; where one stands twice it is drawn twice as often."""

SETTINGS: Mapping[str, Sequence[Any]] = {
    "seed": (0, 7),
    "tokenizer.has_cls": (True,),
    "max_caption_length": (3, 20),
    "data.batch_size": (1, 2, 3),
    "data.captions_per_image": (1, 2, None),
    "data.include_longest_caption": (True, False),
    "data.num_workers": (1,),
    "data.num_train": (9,),
    "data.num_val": (1, 5),
    "data.num_test": (1, 4),
    "data.image_size": (32, 48),
    "data.on_bad_data": ("skip",),
    "data.split": ([0.6, 0.2, 0.2],),
    "model.encoder.frozen": (False,),
    "model.latents.dropout": (0.3,),
    "model.latents.num_components": (3,),
    "model.decoder.num_layers": (2,),
    "model.decoder.dropout": (0.2,),
    "model.decoder.word_dropout": (0.2,),
    "model.middle.num_layers": (1, 3),
    "model.middle.dropout": (0.2,),
    "model.relaxation.teacher_forcing_ratio": (0.0, 0.5),
    "model.loss.beta": (0.0, 1.0),
    "model.loss.gamma": (0.0, 1.0),
    "model.loss.reconstruction_weight": (0.0, 0.1),
    "model.loss.style_free_bits": (0.2,),
    "model.loss.content_free_bits": (0.2,),
    "model.loss.label_smoothing": (0.1,),
    "model.optimizer.lr": (0.0001, 0.01),
    "generation.max_length": (2, 12),
    "generation.num": (1, 2, 3),
    "generation.temperature": (0.5, 2.0),
    "generation.latent_scale": (0.0, 2.0),
    "generation.top_k": (3,),
    "generation.top_p": (0.8,),
    "generation.source": ("prior",),
    "generation.vary_content": (True,),
    "generation.distinct": (True,),
    "generation.max_draws": (7,),
    "generation.spread": ("stratified", "clusters"),
    "generation.diversity": (0.0, 3.0),
    "generation.no_repeat_ngram": (1, 2),
    "generation.length_penalty": (0.0, 1.0),
    "trainer.max_epochs": (2, 3),
    "trainer.max_steps": (1, 3),
    "trainer.limit_train_batches": (1, 1.0),
    "trainer.limit_val_batches": (0, 1, 1.0),
    "trainer.limit_test_batches": (0, 1),
    "trainer.check_val_every_n_epoch": (2,),
    "trainer.val_check_interval": (1, 0.5),
    "trainer.accumulate_grad_batches": (2, 3),
    "trainer.gradient_clip_val": (None, 0.1),
    "trainer.precision": ("bf16-mixed", "16-mixed"),
    "trainer.deterministic": (True,),
    "trainer.fast_dev_run": (True,),
    "+trainer.overfit_batches": (1, 2),
    "+trainer.num_sanity_val_steps": (0, -1),
    "+trainer.reload_dataloaders_every_n_epochs": (1,),
    "+trainer.gradient_clip_algorithm": ("value",),
    "+trainer.detect_anomaly": (True,),
    "+trainer.min_epochs": (1,),
    "+trainer.enable_checkpointing": (True,),
    "callbacks.resume_checkpoints.every_n_steps": (1, 2),
    "callbacks.moving_average.decay": (0.5, 0.99),
    "callbacks.non_finite.on_non_finite": ("skip",),
    "test": (False,),
}
"""Values beside the shipped ones, by key; a run draws some of those whose key it has."""

TOGETHER: Sequence[Sequence[str]] = (
    ("callbacks.checkpoint.monitor=val/loss", "callbacks.checkpoint.mode=min"),
    ("callbacks.checkpoint.save_top_k=-1", "callbacks.checkpoint.filename='epoch_{epoch}'"),
)
"""Settings of the default callbacks that mean something together."""

SHARE = 0.1
"""How often a key of `SETTINGS` is changed, and how often settings of `TOGETHER` are."""


@dataclass(frozen=True)
class RandomRun:
    """One run from training to captions.

    Attributes:
        choices: The options of groups, as for the command line of train.py.
        settings: Keys that were changed.
        config: Its composed config, with sizes as shipped.
    """

    choices: tuple[str, ...]
    settings: tuple[str, ...]
    config: DictConfig

    def __str__(self) -> str:
        return " ".join((*self.choices, *self.settings))

    def value(self, key: str) -> Any:
        """Return the value of a key as it will be, None where there is no such key."""
        changed = dict(setting.lstrip("+").split("=", 1) for setting in self.settings)
        return yaml.safe_load(changed[key]) if key in changed else OmegaConf.select(self.config, key)

    def of_groups(self, *groups: str) -> tuple[list[str], list[str]]:
        """Return the choices of these groups, with what they read, and the changed settings within them."""
        choices = [choice for choice in self.choices if _group(choice) in groups]
        return choices, [setting for setting in self.settings if _group(setting) in groups]


def _group(override: str) -> str:
    return override.split("=")[0].split(".")[0]


def draw_run(seed: int, materials: Materials) -> RandomRun:
    """Draw a run; the seed decides which."""
    draw = random.Random(seed)
    choices = _choices(draw, materials)
    config = compose_train(choices)
    settings = [
        f"{key}={_written(draw.choice(values))}"
        for key, values in SETTINGS.items()
        if (key.startswith("+") or OmegaConf.select(config, key, default=_ABSENT) is not _ABSENT)
        and draw.random() < SHARE
    ]
    if OmegaConf.select(config, "callbacks.checkpoint") is not None:
        settings += [setting for together in TOGETHER if draw.random() < SHARE for setting in together]
    if draw.random() < 1 / 3:
        settings += ["trainer.devices=2", "trainer.strategy=ddp_fork"]
    return RandomRun(tuple(choices), tuple(settings), config)


def _choices(draw: random.Random, materials: Materials) -> list[str]:
    chosen = {group: draw.choice(options) for group, options in GROUPS.items()}
    chosen["data"] = draw.choice(("shapes", "flickr8k"))
    chosen["metrics"] = draw.choice(("default", "rouge", "shapes" if chosen["data"] == "shapes" else "default"))
    chosen["model/self_critical"] = "cider" if draw.random() < SHARE else "none"
    if chosen["generation"] in ("sample", "latent", "diverse_beam") and draw.random() < 0.5:
        chosen["metrics"] = "diversity"
    if chosen["tokenizer"] == "gpt2":  # of single bytes here, for which no file has vectors
        chosen["model/embedding"] = "learned"
    if chosen["model/decoder"] == "transformer":
        chosen["model/attention"] = draw.choice(("multi_head", "none"))
    files = []
    if chosen["data"] == "flickr8k":
        files.append(f"data.root={materials.photographs}")
    if chosen["model/encoder"] == "timm":
        weights = draw.choice((str(materials.backbone), "null"))
        files += [f"model.encoder.backbone={BACKBONE}", f"model.encoder.weights={weights}"]
        if draw.random() < 0.3:
            files.append("data.cache_features=true")
    if chosen["model/embedding"] == "pretrained":
        files.append(f"model.embedding.vectors={materials.vectors}")
    if chosen["tokenizer"] == "gpt2":
        files.append(f"tokenizer.path={materials.gpt2}")
    return [*(f"{group}={option}" for group, option in sorted(chosen.items())), *files]


def _written(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")


_ABSENT = object()
