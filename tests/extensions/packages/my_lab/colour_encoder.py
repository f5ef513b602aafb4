import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from lightning_modules.networks.encoders import Encoder


class ColourEncoder(Encoder):
    """The mean colours of a grid of patches."""

    def __init__(self, *, image_size: int, patches: int) -> None:
        super().__init__()
        self.patches = patches
        self.positions, self.width = patches**2, 16
        self.project = nn.Linear(3, self.width)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        colours_BCHW = adaptive_avg_pool2d(images_BCHW / 255, self.patches)
        return torch.relu(self.project(colours_BCHW.flatten(2).transpose(1, 2)))
