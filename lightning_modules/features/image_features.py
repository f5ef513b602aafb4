"""What a model offers that makes features of images: `encode`, and what training leaves of it as it is.

Shape legend: B images, C channels, H rows, W columns, P positions of the encoder's grid, D features of a position.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from datamodules.batch import CaptionBatch
from lightning_modules.networks.encoders import FeatureShape
from utils.cache_key import cache_key, sources_of


class ImageFeatures(nn.Module, ABC):
    """The part of a `CaptioningModule` that sees images.

    Attributes:
        image_size: Height and width of its images in pixels.
    """

    image_size: int

    @abstractmethod
    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of images (`uint8`, `image_size` pixels square), without gradients.

        They are whatever the model makes captions of; codes are whole numbers, [B, P, 1].
        """

    def pooled_features(self, features_BPD: Tensor) -> Tensor:
        """Return a vector of each image, by whose direction similar ones are found: the mean over the grid, [B, D]."""
        return features_BPD.float().mean(dim=1)

    @property
    def features_fingerprint(self) -> str:
        """A checksum of the weights and settings that `encode` may depend on: here of all weights."""
        return cache_key(image_size=self.image_size, tensors=dict(self.state_dict()))

    @property
    def features_code(self) -> str:
        """The source code that `encode` may depend on: here of the model's own module."""
        return sources_of(type(self).__module__)

    @property
    def fixed_features(self) -> FeatureShape | None:
        """The shape of what `encode_fixed` returns for an image; None where training leaves nothing as it is."""
        return None

    @property
    def fixed_fingerprint(self) -> str:
        """A checksum of the weights and settings that `encode_fixed` may depend on."""
        return self.features_fingerprint

    def encode_fixed(self, images_BCHW: Tensor) -> Tensor:
        """Return `fixed_BPD`, which training leaves as it is, so that it can be cached: by default the features."""
        return self.encode(images_BCHW)

    def features_of(self, batch: CaptionBatch) -> Tensor:
        """Return `features_BPD` of a batch: those that were cached, or its images encoded."""
        return self.encode(batch.images_BCHW) if batch.features_BPD is None else batch.features_BPD.float()
