"""Any backbone of the `timm` library.

Shape legend: B images, C channels, H rows, W columns, P = grid positions, D = feature width.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import timm
import torch
from torch import Tensor

from lightning_modules.networks.encoders.encoder import Encoder
from lightning_modules.networks.encoders.pixels import PixelScaling
from lightning_modules.networks.encoders.timm_batch_norm import share_batch_norm
from lightning_modules.networks.encoders.unused import leave_out_unused


class TimmEncoder(Encoder):
    """A `timm` backbone up to its last feature grid, frozen or fine-tuned.

    Args:
        image_size: Height and width of the images in pixels.
        backbone: A model name of `timm` (`timm.list_models()`).
        weights: Where the weights come from at the start of training: a local file (safetensors or a torch
            checkpoint), `hub` for the ones that `timm` publishes, or None for a random start. A checkpoint of ours
            needs neither: it holds the backbone's weights.
        frozen: Whether the backbone keeps its weights, and its batch statistics, as they are. Otherwise all are trained
            that the grid depends on, and batch normalisation is over all processes.
        memory_dim: See `Encoder`.

    Raises:
        ValueError: `timm` knows no such backbone, or it does not take images of this size.
    """

    def __init__(
        self,
        *,
        image_size: int,
        backbone: str,
        weights: str | None,
        frozen: bool = True,
        memory_dim: int | None = 128,
    ) -> None:
        super().__init__()
        self.memory_dim = memory_dim
        backbone = backbone.removeprefix("timm/")
        self.backbone_name = backbone
        self.weights = weights
        self.frozen = frozen
        self.backbone: Any = _untrained(backbone)
        published = timm.data.resolve_model_data_config(self.backbone)
        self.scale_pixels = PixelScaling(mean=published["mean"], std=published["std"])
        self.backbone.requires_grad_(not frozen)
        self.positions, self.width = self._measure_grid(image_size)
        if not frozen:
            share_batch_norm(self.backbone)
        self.train()

    def _measure_grid(self, image_size: int) -> tuple[int, int]:
        self.eval()
        try:
            with torch.enable_grad():
                features_BPD = self(torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8))
        except (AssertionError, RuntimeError) as error:
            raise ValueError(
                f"model.encoder.backbone={self.backbone_name} does not take images of "
                f"data.image_size={image_size} pixels: {error}"
            ) from error
        leave_out_unused(self.backbone, features_BPD)  # such as the norm of a classifier's head
        return features_BPD.shape[1], features_BPD.shape[2]

    def load_pretrained(self) -> None:
        """Read the weights that `weights` names into the backbone.

        Raises:
            ValueError: They are not there, or do not fit the backbone.
        """
        if self.weights is None:
            return
        if self.weights != "hub" and not Path(self.weights).is_file():
            raise ValueError(
                f"model.encoder.weights={self.weights} is not a file; give a safetensors file or torch checkpoint of "
                f"{self.backbone_name}, `hub` to download the published weights, or `null` for a random start"
            )
        overlay = None if self.weights == "hub" else {"file": self.weights}
        try:
            source = timm.create_model(
                self.backbone_name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0, global_pool=""
            )
        except Exception as error:  # hub, file and shape errors come in many types; all mean the same to the user
            raise ValueError(
                f"model.encoder.weights={self.weights} could not be read into {self.backbone_name}: {error}; without "
                f"a network, download the weights elsewhere and set model.encoder.weights to the file"
            ) from error
        self.backbone.load_state_dict(source.state_dict())

    def train(self, mode: bool = True) -> Self:
        """Set training mode; a frozen backbone stays in evaluation mode, or its batch statistics would drift."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images_BCHW: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features = self.backbone.forward_features(self.scale_pixels(images_BCHW))
        return self._as_grid(features)

    def _as_grid(self, features: Tensor) -> Tensor:
        if features.dim() == 3:  # a transformer's tokens; those before the patches (class, registers) are no place
            return features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]
        if getattr(self.backbone, "output_fmt", "NCHW") == "NHWC":
            return features.flatten(1, 2)
        return features.flatten(2).transpose(1, 2)


def _untrained(name: str) -> Any:
    """Return the backbone without its classifier, with random weights."""
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
    except RuntimeError as error:  # an unknown name or an unknown set of weights of a known one
        known = timm.list_models(pretrained=True) + timm.list_models()
        similar = get_close_matches(name, known) or ["see timm.list_models()"]
        raise ValueError(
            f"model.encoder.backbone={name} is not a model of timm ({error}); similar ones: {', '.join(similar)}"
        ) from error
