"""Reads pixels back into the scene that they show, by comparing them with drawings of all that may be there.

First the background: that of the twelve, sharp or blurred, which differs least from the pixels. The squared difference
of each pixel is truncated, so that objects count little.

Then in each cell of the 3 by 3 grid the object that explains most. With pixels x, background b, and an object of colour
c that covers the share m of each pixel, drawing it lowers the squared difference by its *gain*

    |x − b|² − |x − b − m (c − b)|² = 2 Σ m (c − b)·(x − b) − Σ m² |c − b|²,

which is a matrix product for all objects at once. There is an object if its gain is positive, and a fair share of what
differs from the background beyond noise; noise is the median of the cells' mean squared differences, for most cells are
empty. At most as many objects as a scene has are kept, those of the largest gain.

Shape legend: B images, H rows, W columns, K backgrounds, F forms (of each shape and size: offsets, blurs), C colours,
P pixels of a cell.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle, product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from datamodules.shapes.drawing import RGB, TONE_RGB, cell_window, coverage_of, draw_background
from datamodules.shapes.scene import (
    COLOURS,
    MAX_OBJECTS,
    PATTERNS,
    PLACES,
    SHAPES,
    SIZES,
    TONES,
    Background,
    Scene,
    SceneObject,
)

OFFSETS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of an object within its cell, down and right, as in `SceneObject`
BLURS = (0.0, 1.0, 2.0)  # standard deviations of a Gaussian, in pixels of 64, that objects are compared at
BACKGROUND_BLURS = (0.0, 2.0)  # … and backgrounds
TRUNCATION = 60  # grey levels of each channel: a pixel of the background that differs by more is no background
EXPLAINED = 0.4  # least share of what differs from the background that an object explains
BATCH = 64  # images that are compared at once

BACKGROUNDS = tuple(Background(tone, pattern) for tone, pattern in product(TONES, PATTERNS))
KINDS = tuple(product(SHAPES, SIZES))


def read_scenes(images_B3HW: Tensor) -> list[Scene]:
    """Return the scene that each image shows; objects have no offset, and there may be none.

    The result depends on each image alone, as it would be saved: values are rounded to 256 grey levels, and what is out
    of range or not a number is set to the nearest level, or to 0. Computed on the CPU in single precision.

    Args:
        images_B3HW: Square RGB images of one size: `uint8`, or floats in [0, 1].

    Raises:
        ValueError: They are no batch of square RGB images.
    """
    if images_B3HW.ndim != 4 or images_B3HW.shape[1] != 3 or images_B3HW.shape[2] != images_B3HW.shape[3]:
        raise ValueError(f"expected square RGB images [B, 3, size, size] to read, got {tuple(images_B3HW.shape)}")
    pixels_B3HW = images_B3HW.detach().to("cpu", torch.float32)
    if images_B3HW.is_floating_point():
        pixels_B3HW = (255 * pixels_B3HW).nan_to_num(0).clamp(0, 255).round()
    reader = scene_reader(images_B3HW.shape[-1])
    return [scene for part_B3HW in pixels_B3HW.split(BATCH) for scene in reader.read(part_B3HW)]


@lru_cache(maxsize=4)
def scene_reader(image_size: int) -> "SceneReader":
    """Return the reader of images of a size, which is made once."""
    return SceneReader(image_size)


class _Cell(NamedTuple):
    """What pixels of a cell are compared with.

    Attributes:
        rows: Of the image.
        columns: Of the image.
        coverage_FP: The share of each pixel that each form covers.
        energy_KFC: Σ m² |c − b|², by how much drawing a form in a colour changes each background.
        least_K: Of each background the squared difference of pixels below which no object has a positive gain.
    """

    rows: slice
    columns: slice
    coverage_FP: Tensor
    energy_KFC: Tensor
    least_K: Tensor


class SceneReader:
    """Reads images of one size.

    Args:
        image_size: Height and width in pixels.
    """

    def __init__(self, image_size: int) -> None:
        self.image_size = image_size
        drawn_K3HW = torch.from_numpy(np.stack([draw_background(known, image_size) for known in BACKGROUNDS])).float()
        self.backgrounds_K3HW = torch.cat([self._blurred(drawn_K3HW, blur) for blur in BACKGROUND_BLURS])
        self.colours_C3 = torch.tensor([RGB[colour] for colour in COLOURS], dtype=torch.float32)
        self.cells = [self._cell(place) for place in PLACES]

    def read(self, pixels_B3HW: Tensor) -> list[Scene]:
        """Return the scenes of images of 256 grey levels, as floats."""
        background_B = self._nearest_backgrounds(pixels_B3HW)
        # Four channels whose products with a coverage give each gain: x − b in red, green and blue, and b·(x − b)
        backgrounds_B3HW = self.backgrounds_K3HW[background_B]
        rest_B3HW = pixels_B3HW - backgrounds_B3HW
        rest_B4HW = torch.cat([rest_B3HW, (backgrounds_B3HW * rest_B3HW).sum(dim=1, keepdim=True)], dim=1)
        gains, looks, differences = zip(
            *(self._best_objects(cell, rest_B4HW[:, :, cell.rows, cell.columns], background_B) for cell in self.cells),
            strict=True,
        )
        found_B9 = _is_object(torch.stack(gains, dim=1), torch.stack(differences, dim=1), self._cell_sizes())
        rows = zip(background_B.tolist(), torch.stack(looks, dim=1).tolist(), found_B9.tolist(), strict=True)
        return [_scene(*row) for row in rows]

    def _nearest_backgrounds(self, pixels_B3HW: Tensor) -> Tensor:
        """Return the background of the least truncated squared difference: [B], an index into those of the reader.

        A background is its tone plus t, the same in the three channels: |x − tone − t|² = |x − tone|² − 2 t Σ(x − tone)
        + 3 t², of which only t is the pattern's.
        """
        rests = {tone: pixels_B3HW - torch.tensor(TONE_RGB[tone]).view(3, 1, 1) for tone in TONES}
        sums = {tone: (rest_B3HW.square().sum(dim=1), rest_B3HW.sum(dim=1)) for tone, rest_B3HW in rests.items()}
        differences = []
        for known_3HW, (tone, _) in zip(self.backgrounds_K3HW, cycle(BACKGROUNDS), strict=False):
            square_BHW, sum_BHW = sums[tone]
            t_HW = (known_3HW - torch.tensor(TONE_RGB[tone]).view(3, 1, 1)).mean(dim=0)
            difference_BHW = torch.addcmul(square_BHW, sum_BHW, t_HW, value=-2).add_(3 * t_HW.square())
            differences.append(difference_BHW.clamp_(max=3 * TRUNCATION**2).mean(dim=(1, 2)))
        return torch.stack(differences, dim=1).argmin(dim=1)

    def _best_objects(self, cell: _Cell, rest_B4HW: Tensor, background_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the largest gain in a cell, its form and colour as one number, and the difference: [B] each."""
        rest_B4P = rest_B4HW.flatten(2)
        difference_B = rest_B4P[:, :3].square().sum(dim=(1, 2))
        gain_B, look_B = torch.zeros_like(difference_B), torch.zeros_like(background_B)
        rows = (difference_B > cell.least_K[background_B]).nonzero().flatten()
        if len(rows):
            product_BF4 = torch.einsum("fp,bjp->bfj", cell.coverage_FP, rest_B4P[rows])
            product_BFC = product_BF4[..., :3] @ self.colours_C3.T - product_BF4[..., 3:]
            gain_B[rows], look_B[rows] = (2 * product_BFC - cell.energy_KFC[background_B[rows]]).flatten(1).max(dim=1)
        return gain_B, look_B, difference_B

    def _cell(self, place: str) -> _Cell:
        rows, columns = cell_window(place, self.image_size)
        forms = [
            coverage_of(SceneObject(shape, COLOURS[0], size, place, offset), self.image_size)
            for (shape, size), offset in product(KINDS, product(OFFSETS, OFFSETS))
        ]
        sharp_F1HW = torch.from_numpy(np.stack(forms)).float().unsqueeze(1)
        coverage_FP = torch.stack([self._blurred(sharp_F1HW, blur) for blur in BLURS], dim=1).flatten(2).flatten(0, 1)
        backgrounds_K3P = self.backgrounds_K3HW[:, :, rows, columns].flatten(2)
        distance_KCP = (self.colours_C3[:, :, None] - backgrounds_K3P[:, None]).square().sum(dim=2)
        energy_KFC = torch.einsum("fp,kcp->kfc", coverage_FP.square(), distance_KCP)
        # A gain 2 d·r − |d|² is positive only if |r| > |d| / 2
        return _Cell(rows, columns, coverage_FP, energy_KFC, energy_KFC.amin(dim=(1, 2)) / 4)

    def _cell_sizes(self) -> Tensor:
        return torch.tensor([float(cell.coverage_FP.shape[1]) for cell in self.cells])

    def _blurred(self, images: Tensor, blur: float) -> Tensor:
        """Return images blurred by a Gaussian whose standard deviation is `blur` pixels of an image of 64."""
        sigma = blur * self.image_size / 64
        return gaussian_blur(images, 2 * int(3 * sigma + 1) + 1, sigma) if sigma else images


def _is_object(gain_B9: Tensor, difference_B9: Tensor, pixels_9: Tensor) -> Tensor:
    """Return in which cells there is an object: [B, 9], at most `MAX_OBJECTS` of each image."""
    noise_B1 = (difference_B9 / pixels_9).median(dim=1, keepdim=True).values
    explains_B9 = (gain_B9 > 0) & (gain_B9 > EXPLAINED * (difference_B9 - noise_B1 * pixels_9))
    order_B9 = torch.where(explains_B9, gain_B9, 0).argsort(dim=1, descending=True, stable=True)
    among_first_B9 = torch.zeros_like(explains_B9).scatter(1, order_B9[:, :MAX_OBJECTS], value=True)
    return explains_B9 & among_first_B9


def _scene(background: int, looks: Sequence[int], is_object: Sequence[bool]) -> Scene:
    """Return a scene from numbers: of its background, and of what may be in each cell, which is there or not."""
    cells = zip(looks, PLACES, is_object, strict=True)
    objects = [_object(look, place) for look, place, is_there in cells if is_there]
    return Scene(tuple(objects), BACKGROUNDS[background % len(BACKGROUNDS)])


def _object(look: int, place: str) -> SceneObject:
    """Return the object of a form and colour, counted colour by colour."""
    form, colour = divmod(look, len(COLOURS))
    shape, size = KINDS[form // (len(OFFSETS) ** 2 * len(BLURS))]
    return SceneObject(shape, COLOURS[colour], size, place)
