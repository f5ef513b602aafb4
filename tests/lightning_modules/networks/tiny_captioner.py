"""A whole network put together from the shipped configs, small."""

from functools import cache
from typing import Any

import torch
from omegaconf import OmegaConf

from datamodules.tokenizers import Vocabulary
from lightning_modules.build import assemble
from lightning_modules.networks import Captioner
from tests.tiny_run import compose_train, tiny_overrides

PAD, BOS, EOS, CLS = 0, 1, 2, 3
VOCABULARY = Vocabulary(size=14, pad_id=PAD, bos_id=BOS, eos_id=EOS, unk_id=None, cls_id=None)
WITH_CLS = VOCABULARY._replace(cls_id=CLS)
PARTS = (  # of the network, as `assemble` names them
    "encoder",
    "latents",
    "combiner",
    "embedding",
    "decoder",
    "attention",
    "middle",
    "relaxation",
    "image_decoder",
)
IMAGE_SIZE = 32


@cache
def tiny_model(*choices: str) -> dict[str, Any]:
    """Return the settings of a network with chosen options."""
    settings = OmegaConf.to_container(compose_train(tiny_overrides(choices)).model, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def tiny_captioner(*choices: str, vocabulary: Vocabulary = VOCABULARY) -> Captioner:
    """Build a network with chosen options (`model/decoder=lstm`), in training mode."""
    config = tiny_model(*choices)
    parts = {part: config[part] for part in PARTS}
    return assemble(**parts, vocabulary=vocabulary, image_size=IMAGE_SIZE)


def tiny_images(count: int) -> torch.Tensor:
    return torch.randint(256, (count, 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8)
