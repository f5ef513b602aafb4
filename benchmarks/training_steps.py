"""Training steps of our models without a trainer, on batches that are made up: what several benchmarks measure.

Shape legend: B images, N captions, L tokens, P grid positions, D feature width.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from datamodules.batch import CaptionBatch
from datamodules.tokenizers import CaptionTokenizer, Vocabulary, fit_word
from lightning_modules.networks.encoders import Encoder

CONF = Path(__file__).resolve().parent.parent / "conf"
LONGEST_GRADIENT = 1.0
Step = Callable[[], None]


class Sizes(NamedTuple):
    """What a batch is made of; the defaults are those of Flickr8k's recipe.

    Attributes:
        images: B.
        captions: Of each image.
        words: Of the vocabulary, special tokens aside.
        length: Most words of a caption; they have from half as many on.
        positions: P.
        feature_width: D.
    """

    images: int = 64
    captions: int = 5
    words: int = 3000
    length: int = 16
    positions: int = 49
    feature_width: int = 1280


class NoEncoder(Encoder):
    """Stands where a frozen encoder would, whose features are cached: nobody asks it for any.

    Args:
        image_size: Height and width of the images in pixels.
        positions: P.
        width: D.
        frozen: It is.
        memory_dim: See `Encoder`.
    """

    def __init__(
        self, *, image_size: int, positions: int, width: int, frozen: bool = True, memory_dim: int | None = None
    ) -> None:
        super().__init__()
        self.positions, self.width, self.frozen, self.memory_dim = positions, width, frozen, memory_dim

    def forward(self, images_BCHW: Tensor) -> Tensor:
        raise AssertionError("features are made up")


def recipe(sizes: Sizes, overrides: Sequence[str] = ()) -> Any:
    """Return the settings of `experiment=flickr8k`, without an encoder."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["experiment=flickr8k", "data.root=unused", *overrides])
    config.model.encoder = {
        "_target_": "benchmarks.training_steps.NoEncoder",
        "positions": sizes.positions,
        "width": sizes.feature_width,
        "memory_dim": config.model.encoder.memory_dim,
    }
    return config


def tokenizer_of(num_words: int) -> CaptionTokenizer:
    """Return a tokenizer of so many words."""
    return fit_word([f"w{number}" for number in range(num_words)], min_count=1)


def made_up_batch(vocabulary: Vocabulary, sizes: Sizes, device: torch.device | str = "cpu") -> CaptionBatch:
    """Return features in half precision, as they are cached, and captions of random words."""
    generator = torch.Generator().manual_seed(0)
    num = sizes.images * sizes.captions
    special = vocabulary.size - sizes.words
    words_NL = torch.randint(special, vocabulary.size, (num, sizes.length + 1), generator=generator)
    lengths_N1 = torch.randint(max(1, sizes.length // 2), sizes.length + 1, (num, 1), generator=generator)
    lengths_N1[0] = sizes.length
    place_L = torch.arange(sizes.length + 1)
    words_NL = words_NL.where(place_L < lengths_N1, vocabulary.eos_id).where(place_L <= lengths_N1, vocabulary.pad_id)
    prefix_NL = torch.tensor(vocabulary.prefix).expand(num, -1)
    features_BPD = torch.randn(sizes.images, sizes.positions, sizes.feature_width, generator=generator)
    batch = CaptionBatch(
        images_BCHW=torch.empty(sizes.images, 3, 0, 0, dtype=torch.uint8),
        tokens_NL=torch.cat([prefix_NL, words_NL], dim=1),
        image_of_caption_N=torch.arange(sizes.images).repeat_interleave(sizes.captions),
        image_ids_B=torch.arange(sizes.images),
        references=[],
        features_BPD=features_BPD.half(),
    )
    return batch._replace(**{name: part.to(device) for name, part in batch._asdict().items() if torch.is_tensor(part)})


def captioner_of(config: Any, tokenizer: CaptionTokenizer, image_size: int = 224) -> Any:
    """Build the model of a recipe, to be trained without a trainer: what it logs goes nowhere."""
    module = instantiate(config.model, _partial_=True)(tokenizer=tokenizer.to_json(), image_size=image_size)
    module.log = module.log_dict = lambda *_, **__: None
    return module.train()


def step_of(model: nn.Module, loss: Callable[[], Tensor], optimizer: Any, precision: torch.dtype) -> Step:
    """Return a training step: loss, gradients, their clipping, and the optimizer's part.

    Args:
        model: What is trained.
        loss: Returns the loss of a batch.
        optimizer: The settings of one.
        precision: Of the matrix products; weights are 32-bit floats.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    built = instantiate(optimizer, trained)
    device = trained[0].device.type

    def step() -> None:
        built.zero_grad()
        # without a cache of the weights' copies, as Lightning has it
        with torch.autocast(device, precision, enabled=precision != torch.float32, cache_enabled=False):
            total = loss()
        total.backward()
        clip_grad_norm_(trained, LONGEST_GRADIENT)
        built.step()

    return step
