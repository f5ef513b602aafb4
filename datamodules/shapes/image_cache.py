"""All images of a world, drawn once into one file that every process maps into memory."""

import tempfile
from pathlib import Path

import numpy as np

from datamodules.shapes.drawing import Pixels, draw
from datamodules.shapes.scene import scene_at
from utils.cache_key import cache_key, sources_of
from utils.progress import progress_bar


def drawing_fingerprint(seed: int, image_size: int) -> str:
    """Return a checksum of a world's first 64 images, of the code that draws all, and of the library under it."""
    return cache_key(
        images=np.stack([draw(scene_at(seed, index), image_size) for index in range(64)]),
        code=sources_of("datamodules.shapes.drawing"),
        numpy=np.__version__,
    )


class ImageCache:
    """The images of scenes 0 … num_images - 1 of a world, as a `.npy` file named after all that determines them.

    Args:
        folder: Where the file lies; made when missing.
        seed: The world.
        num_images: How many scenes.
        image_size: Height and width in pixels.
    """

    def __init__(self, folder: Path, *, seed: int, num_images: int, image_size: int) -> None:
        self.seed = seed
        self.shape = (num_images, 3, image_size, image_size)
        drawing = drawing_fingerprint(seed, image_size)[:16]
        self.path = folder / f"shapes-seed{seed}-{num_images}x{image_size}px-{drawing}.npy"

    def open(self) -> Pixels | None:
        """Map the images read-only, [num_images, 3, image_size, image_size]; None if the file is missing or torn."""
        try:
            images = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (FileNotFoundError, EOFError, ValueError):  # no file; an empty one; no header or too few bytes
            return None
        return images if images.shape == self.shape and images.dtype == np.uint8 else None

    def fill(self) -> None:
        """Draw all images, unless a whole file is there.

        They go to a file of another name first, which then takes the place of the old one at once: whoever opens the
        cache meanwhile, or fills it too, finds whole files only.
        """
        if self.open() is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=f"{self.path.stem}-") as folder:
            unfinished = Path(folder) / self.path.name
            images = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=self.shape)
            for index in progress_bar(range(len(images)), desc="drawing scenes", unit="scene"):
                images[index] = draw(scene_at(self.seed, index), image_size=self.shape[-1])
            images.flush()
            unfinished.replace(self.path)
