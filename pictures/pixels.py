"""Images as tensors, as Pillow's pictures, and back.

Shape legend: H rows, W columns.
"""

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor


def to_picture(image_3HW: Tensor) -> Image.Image:
    """Return an image as Pillow has it.

    Args:
        image_3HW: `uint8`, or floating-point numbers in [0, 1]; what lies outside is clipped.
    """
    return Image.fromarray(_to_uint8(image_3HW).permute(1, 2, 0).contiguous().cpu().numpy())


def from_picture(picture: Image.Image) -> Tensor:
    """Return a picture as `uint8`, [3, H, W]."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def from_figure(figure: Figure) -> Tensor:
    """Draw a figure, and return it as `uint8`, [3, H, W]; pyplot, which keeps figures, is not needed."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return torch.from_numpy(np.array(canvas.buffer_rgba())[..., :3]).permute(2, 0, 1)


def _to_uint8(image_3HW: Tensor) -> Tensor:
    if image_3HW.dtype == torch.uint8:
        return image_3HW
    return (image_3HW.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
