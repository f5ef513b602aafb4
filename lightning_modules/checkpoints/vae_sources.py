"""Where the discrete VAE of another model comes from: a checkpoint or a published file at first, then its own settings.

A model's checkpoint holds the weights of its discrete VAE, and the settings by which it is built again, so that it
reloads alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from hydra.utils import instantiate

from datamodules.training_record import TrainingRecord
from lightning_modules.build import Config, assemble_discrete_vae
from lightning_modules.checkpoints.loading import load_image_coder
from lightning_modules.networks.discrete_vae import CodeNetwork
from lightning_modules.networks.openai_dvae import OpenAIDiscreteVAE

SETTINGS = ("encoder", "quantizer", "grid_decoder", "image_size")


class VAESource(ABC):
    """Builds a discrete VAE; its constructor takes the keys of its YAML.

    Attributes:
        trained_on: What the weights were trained on; None where that is not known, or noted elsewhere.
    """

    @property
    def trained_on(self) -> TrainingRecord | None:
        return None

    @abstractmethod
    def build(self, image_size: int) -> CodeNetwork:
        """Return the network, for images of as many pixels.

        Raises:
            ValueError: It cannot be built, or is for images of another size.
        """

    @abstractmethod
    def stored(self) -> Config:
        """Return the settings by which a checkpoint of another model builds the network again, without weights."""

    def load_pretrained(self, network: CodeNetwork) -> None:
        """Read published weights into the network; for the start of a training run."""
        return


def vae_source(config: Config) -> VAESource:
    """Build a source; the settings of a discrete VAE within its own are handed over as they are."""
    source: VAESource = instantiate(config, _recursive_=False, _convert_="all")
    return source


class TrainedVAE(VAESource):
    """The discrete VAE of a checkpoint that `train.py model=discrete_vae` wrote.

    Args:
        checkpoint: The checkpoint.
        trusted_packages: Packages of yours that it may build parts from.
    """

    def __init__(self, *, checkpoint: str, trusted_packages: Sequence[str] = ()) -> None:
        self.checkpoint = checkpoint
        self.trusted_packages = trusted_packages

    @cached_property
    def coder(self) -> Any:
        """The module of the checkpoint, read when it is needed."""
        return load_image_coder(self.checkpoint, trusted_packages=self.trusted_packages)

    @property
    def trained_on(self) -> TrainingRecord | None:
        trained_on: TrainingRecord | None = self.coder.trained_on
        return trained_on

    def build(self, image_size: int) -> CodeNetwork:
        network: CodeNetwork = self.coder.network
        if network.image_size != image_size:
            raise ValueError(
                f"model.vae.checkpoint={self.checkpoint}: the discrete VAE was trained on images of "
                f"{network.image_size}×{network.image_size} pixels, and data.image_size={image_size}; set "
                f"data.image_size={network.image_size}, or train one on these images"
            )
        return network

    def stored(self) -> Config:
        settings = {name: self.coder.hparams[name] for name in SETTINGS}
        reconstruction = self.coder.hparams["loss"]["reconstruction"]
        target = f"{StoredVAE.__module__}.{StoredVAE.__name__}"
        return {"_target_": target, "settings": {**settings, "reconstruction": reconstruction}}


class StoredVAE(VAESource):
    """The discrete VAE of a model whose checkpoint brings its weights.

    Args:
        settings: Arguments of `assemble_discrete_vae`.
    """

    def __init__(self, *, settings: Config) -> None:
        self.settings = settings

    def build(self, image_size: int) -> CodeNetwork:
        return assemble_discrete_vae(**self.settings)

    def stored(self) -> Config:
        return {"_target_": f"{StoredVAE.__module__}.{StoredVAE.__name__}", "settings": self.settings}


class OpenAIVAE(VAESource):
    """The discrete VAE that OpenAI has published (see `OpenAIDiscreteVAE`, also for the sizes).

    Args:
        weights: The safetensors file, for the start of a training run.
    """

    def __init__(
        self,
        *,
        weights: str | None,
        hidden_size: int = 256,
        code_dim: int = 128,
        num_codes: int = 8192,
        blocks_per_group: int = 2,
    ) -> None:
        self.weights = weights
        self.sizes: Config = {
            "hidden_size": hidden_size,
            "code_dim": code_dim,
            "num_codes": num_codes,
            "blocks_per_group": blocks_per_group,
        }

    def build(self, image_size: int) -> CodeNetwork:
        return OpenAIDiscreteVAE(image_size=image_size, weights=self.weights, **self.sizes)

    def stored(self) -> Config:
        return {"_target_": f"{OpenAIVAE.__module__}.{OpenAIVAE.__name__}", "weights": None, **self.sizes}

    def load_pretrained(self, network: CodeNetwork) -> None:
        assert isinstance(network, OpenAIDiscreteVAE)
        network.load_pretrained()
