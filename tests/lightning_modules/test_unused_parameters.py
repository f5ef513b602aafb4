"""No parameter that is trained goes without a gradient: processes that train together would wait for it."""

import itertools
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from lightning_modules.build import assemble
from tests.lightning_modules.networks.tiny_captioner import (
    BOS,
    EOS,
    IMAGE_SIZE,
    PAD,
    PARTS,
    VOCABULARY,
    tiny_images,
    tiny_model,
)
from tests.tiny_run import ROOT, SMALL

TOKENS_NL = torch.tensor([[BOS, 5, 6, 7, EOS], [BOS, 9, EOS, PAD, PAD], [BOS, 13, 4, EOS, PAD]])
GROUPS = ("latents", "decoder", "attention", "image_decoder")


def _options(group: str) -> dict[str, dict[str, Any]]:
    """Return the settings of each option of a part, made small."""
    settings = {}
    for path in sorted((ROOT / "conf/model" / group).glob("*.yaml")):
        read = OmegaConf.to_container(OmegaConf.load(path))
        assert isinstance(read, dict)
        if "defaults" in read and "_target_" not in read:  # another option with other numbers
            continue
        settings[path.stem] = {str(key): SMALL.get(str(key), read[key]) for key in read if key != "defaults"}
    return settings


@pytest.mark.parametrize("latents", _options("latents"))
def test_whatever_is_trained_has_a_gradient(latents: str) -> None:
    usual = {part: tiny_model()[part] for part in PARTS}
    by_group = [[_options("latents")[latents]], *(_options(group).values() for group in GROUPS[1:])]
    combinations = [*itertools.product(*by_group)]
    assert len(combinations) >= 3 * 3 * 2
    for options in combinations:
        parts = usual | dict(zip(GROUPS, options, strict=True))
        captioner = assemble(**parts, vocabulary=VOCABULARY, image_size=IMAGE_SIZE)
        output = captioner(captioner.encoder(tiny_images(2)), TOKENS_NL, torch.tensor([0, 0, 1]), torch.tensor([0, 2]))
        kl = output.latents.style.kl.sum() + output.latents.content.kl.sum()
        reconstructed = 0 if output.reconstruction_RCHW is None else output.reconstruction_RCHW.square().sum()
        (output.logits_WV.square().sum() + kl + reconstructed).backward()
        trained = [(name, parameter) for name, parameter in captioner.named_parameters() if parameter.requires_grad]
        assert [name for name, parameter in trained if parameter.grad is None] == [], options
