import pytest
from omegaconf import OmegaConf

from launch.setting_types import refuse_wrong_settings
from tests.tiny_parts import Parts


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", None, "seed must be a whole number, got null"),
        ("seed", -1, "seed must be from 0 to 4294967295, got -1"),
        ("test", "x", "test must be true or false, got 'x'"),
        ("ckpt_path", 3, "ckpt_path must be text or null, got 3"),
        ("tokenizer.min_count", "x", "tokenizer.min_count must be a whole number, got 'x'"),
        ("data.tokenizer", "x", "data.tokenizer must be settings with a _target_ or null, got 'x'"),
        ("data.num_workers", 1.5, "data.num_workers must be a whole number, got 1.5"),
        ("data.num_workers", True, "data.num_workers must be a whole number, got True"),
        ("model.encoder.num_layers", None, "model.encoder.num_layers must be a whole number, got null"),
        ("model.loss.beta", float("nan"), "model.loss.beta must be a number or settings with a _target_, got nan"),
        ("model.loss.betta", 1.0, "model.loss.betta is not a setting of .*VAELoss; expected one such as beta"),
        ("model.latents.dropout", "x", "model.latents.dropout must be a number, got 'x'"),
        ("model.latents.dropot", 0.1, "model.latents.dropot is not a setting of .*; expected one such as dropout"),
        ("model.middle.num_layers", -1, "model.middle.num_layers must be 0 or more, got -1"),
        ("model.encoder.num_layers", 0, "model.encoder.num_layers must be 1 or more, got 0"),
        ("model.decoder.hidden_size", 0, "model.decoder.hidden_size must be 1 or more, got 0"),
        ("model.loss.gamma", -0.5, "model.loss.gamma must be 0 or more, got -0.5"),
        ("model.optimizer.lr", "x", "model.optimizer.lr must be a number"),
        ("callbacks.checkpoint.save_top_k", "x", "callbacks.checkpoint.save_top_k must be a whole number, got 'x'"),
        (
            "generation",
            {"_target_": "lightning_modules.generation.ConstrainedBeam", "words": [-1]},
            "generation.words must be",
        ),
        ("callbacks.checkpoint", None, "callbacks.checkpoint must be settings .*; ~callbacks.checkpoint leaves it out"),
    ],
)
def test_a_setting_that_is_not_taken_is_named(name: str, value: object, message: str, parts: Parts) -> None:
    config = parts.config.copy()
    OmegaConf.update(config, name, value, merge=False, force_add=True)
    with pytest.raises(ValueError, match=f"^{message}"):
        refuse_wrong_settings(config)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model.optimizer.lr", 1),
        ("model.loss.beta", {"_target_": "lightning_modules.schedules.Constant", "value": 1.0}),
        ("trainer.max_time", {"hours": 1}),
        ("trainer.devices", [0]),
        ("cache_dir", "here"),
    ],
)
def test_whatever_an_annotation_takes_is_taken(name: str, value: object, parts: Parts) -> None:
    config = parts.config.copy()
    OmegaConf.update(config, name, value, merge=False, force_add=True)
    refuse_wrong_settings(config)
