"""Any backbone of the `timm` library.

Shape legend: B images, C channels, H rows, W columns, P = grid positions, D = feature width.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import timm
import torch
from torch import Tensor, nn

from lightning_modules.networks.encoders.encoder import Encoder, FeatureShape, FineTuning
from lightning_modules.networks.encoders.module_chain import ModuleChain, chain_from, input_of
from lightning_modules.networks.encoders.pixels import PixelScaling
from lightning_modules.networks.encoders.timm_batch_norm import share_batch_norm
from lightning_modules.networks.encoders.unused import leave_out_unused
from utils.require import require


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
        trainable_from: With `frozen`, the first block that is trained all the same, such as `blocks.6`, and all after
            it with it. What that block reads is fixed, and is what is cached. Batch statistics stay as they are.
        trainable_after: Epochs in which those blocks are not trained yet.
        trainable_rate: Their learning rate, as a multiple of the other parameters'.
        trainable_decay: See `FineTuning.start_decay`.

    Raises:
        ValueError: `timm` knows no such backbone, or it does not take images of this size; it has no such block; or a
            setting of the trained blocks is out of its range.
    """

    tail: ModuleChain | None = None

    def __init__(
        self,
        *,
        image_size: int,
        backbone: str,
        weights: str | None,
        frozen: bool = True,
        memory_dim: int | None = 128,
        trainable_from: str | None = None,
        trainable_after: int = 0,
        trainable_rate: float = 0.05,
        trainable_decay: float = 1.0,
    ) -> None:
        super().__init__()
        for name, value in (("after", trainable_after), ("rate", trainable_rate), ("decay", trainable_decay)):
            require(value >= 0, f"model.encoder.trainable_{name}", "0 or more", value)
        if trainable_from is not None and not frozen:
            raise ValueError(
                f"model.encoder.trainable_from={trainable_from} with frozen=false, which trains the whole backbone; "
                f"leave one of them out"
            )
        self.memory_dim = memory_dim
        backbone = backbone.removeprefix("timm/")
        self.backbone_name = backbone
        self.weights = weights
        self.frozen = frozen and trainable_from is None
        self.keeps_statistics = frozen
        self.backbone: Any = _untrained(backbone)
        published = timm.data.resolve_model_data_config(self.backbone)
        self.scale_pixels = PixelScaling(mean=published["mean"], std=published["std"])
        self.backbone.requires_grad_(not frozen)
        self.positions, self.width = self._measure_grid(image_size)
        if trainable_from is not None:
            self._train_from(trainable_from, image_size)
            self.fine_tuning = FineTuning(trainable_rate, trainable_decay, trainable_after)
        if not frozen:
            share_batch_norm(self.backbone)
        self.train()

    def _train_from(self, first: str, image_size: int) -> None:
        """Let the blocks from `first` on be trained, and keep a copy of their weights, which they may decay towards."""
        images_BCHW = self.scale_pixels(torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8))
        try:
            self.tail = chain_from(self.backbone, first, lambda: self.backbone.forward_features(images_BCHW))
        except ValueError as error:
            raise ValueError(f"model.encoder.trainable_from={first} of {self.backbone_name}: {error}") from error
        for name in self.tail.names:
            self.backbone.get_submodule(name).requires_grad_(True)
        with torch.enable_grad():
            leave_out_unused(self.backbone, self.backbone.forward_features(images_BCHW))
        self.start = nn.Module()
        for name, parameter in self._tuned():
            self.start.register_buffer(name.replace(".", "_"), parameter.detach().clone())
        of_tail = tuple(f"backbone.{name}." for name in self.tail.names)
        names = [name for name, _ in (*self.named_parameters(), *self.named_buffers())]
        self.trained_names = frozenset(name for name in names if name.startswith((*of_tail, "start.")))
        self.register_load_state_dict_post_hook(_start_where_none_was)

    def _tuned(self) -> list[tuple[str, nn.Parameter]]:
        parameters: list[tuple[str, nn.Parameter]] = [*self.backbone.named_parameters()]
        return [(name, parameter) for name, parameter in parameters if parameter.requires_grad]

    def start_weights(self) -> list[tuple[nn.Parameter, Tensor]]:
        if self.tail is None:
            return []
        return [(parameter, self.start.get_buffer(name.replace(".", "_"))) for name, parameter in self._tuned()]

    def start_here(self) -> None:
        """Take the weights of now for those that training starts from."""
        with torch.no_grad():
            for parameter, start in self.start_weights():
                start.copy_(parameter)

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
        self.start_here()

    def train(self, mode: bool = True) -> Self:
        """Set training mode; a frozen backbone stays in evaluation mode, or its batch statistics would drift."""
        super().train(mode)
        if self.keeps_statistics:
            self.backbone.eval()
        return self

    def forward(self, images_BCHW: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features = self.backbone.forward_features(self.scale_pixels(images_BCHW))
        return self._as_grid(features)

    @property
    def fixed_shape(self) -> FeatureShape | None:
        if self.tail is None:
            return super().fixed_shape
        kept_1PD = self._as_grid(torch.empty(1, *self.tail.input_shape), every_token=True)
        return FeatureShape(kept_1PD.shape[1], kept_1PD.shape[2])

    @torch.no_grad()
    def fixed_part(self, images_BCHW: Tensor) -> Tensor:
        if self.tail is None:
            return super().fixed_part(images_BCHW)
        pixels_BCHW, first = self.scale_pixels(images_BCHW), self.backbone.get_submodule(self.tail.names[0])
        return self._as_grid(input_of(first, lambda: self.backbone.forward_features(pixels_BCHW)), every_token=True)

    def trained_part(self, fixed_BPD: Tensor) -> Tensor:
        if self.tail is None:
            return fixed_BPD
        features = fixed_BPD
        if len(self.tail.input_shape) == 3 and self._is_channels_last():
            features = features.unflatten(1, self.tail.input_shape[:2])
        elif len(self.tail.input_shape) == 3:
            features = features.transpose(1, 2).unflatten(2, self.tail.input_shape[1:])
        for name in self.tail.names:
            features = self.backbone.get_submodule(name)(features)
        return self._as_grid(features)

    def _is_channels_last(self) -> bool:
        return bool(getattr(self.backbone, "output_fmt", "NCHW") == "NHWC")

    def _as_grid(self, features: Tensor, *, every_token: bool = False) -> Tensor:
        if features.dim() == 3:  # a transformer's tokens; those before the patches (class, registers) are no place
            return features[:, 0 if every_token else getattr(self.backbone, "num_prefix_tokens", 0) :]
        if self._is_channels_last():
            return features.flatten(1, 2)
        return features.flatten(2).transpose(1, 2)


def _start_where_none_was(encoder: nn.Module, keys: Any) -> None:
    """Start from the weights that were loaded where these came from a backbone that was frozen."""
    assert isinstance(encoder, TimmEncoder)
    if any(".start." in f".{name}" for name in keys.missing_keys):
        encoder.start_here()


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
