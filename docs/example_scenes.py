"""Draws the scenes that come with the package: the first of the built-in test split, which no model is trained on.

python docs/example_scenes.py captioning/example/scenes
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from datamodules.shapes import ShapesDataModule  # noqa: E402 # this project is beside this folder, not installed
from pictures.pixels import to_picture  # noqa: E402

SEED = 42  # of the world
NUM_SCENES = 6
IMAGE_SIZE = 64


def main(folder: str) -> None:
    """Draw the scenes as PNG files, and print what people say of each."""
    with TemporaryDirectory() as cache_dir:
        sizes = {"num_train": 1, "num_val": 1, "num_test": NUM_SCENES, "image_size": IMAGE_SIZE}
        data = ShapesDataModule(tokenizer=None, seed=SEED, cache_dir=cache_dir, **sizes)
        data.prepare_data()
        test = data.load_splits()["test"]
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number in range(NUM_SCENES):
            path = Path(folder) / f"scene_{number + 1}.png"
            to_picture(test.load_image(number)).save(path, optimize=True)
            print(f"{path}: {test.captions[number][0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
