"""Draws the picture of the README: test scenes, captions that a model generates, and what it reconstructs from them.

python docs/picture.py CHECKPOINT docs/images/captions.png [CACHE_DIR]
"""

import sys
from pathlib import Path
from textwrap import fill

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import matplotlib as mpl  # noqa: E402 # this project is beside this folder, not installed
import torch  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

from datamodules.shapes import ShapesDataModule  # noqa: E402
from lightning_modules import load_captioner  # noqa: E402
from lightning_modules.generation import Greedy  # noqa: E402

SCENES = range(4)  # the first of the test split
WIDTH = 30  # letters of a line


def main(checkpoint: str, picture: str, cache_dir: str = ".cache") -> None:
    """Draw the picture, and print the captions."""
    mpl.use("agg")
    captioner = load_captioner(checkpoint)
    data = ShapesDataModule(tokenizer=None, seed=42, image_size=captioner.image_size, cache_dir=cache_dir)
    data.prepare_data()
    test = data.load_splits()["test"]
    images_BCHW = torch.stack([test.load_image(number) for number in SCENES])
    generated = captioner.generate(captioner.encode(images_BCHW), Greedy())
    reconstructed_BCHW = captioner.reconstruct(generated.tokens_NL)

    figure, axes = plt.subplots(2, len(SCENES), figsize=(2.5 * len(SCENES), 5.8), layout="constrained")
    for column, number in enumerate(SCENES):
        reference, (caption,) = max(test.captions[number], key=len), generated.captions[column]
        print(f"{number}: {caption}  |  reference: {reference}")
        for row, pixels_CHW in enumerate((images_BCHW[column] / 255, reconstructed_BCHW[column])):
            axes[row, column].imshow(pixels_CHW.permute(1, 2, 0).numpy(), interpolation="nearest")
            axes[row, column].set_axis_off()
        axes[0, column].set_title("image", fontsize=9)
        text = f"reference:\n{fill(reference, WIDTH)}\n\ngenerated:\n{fill(caption, WIDTH)}\n\nreconstructed from it:"
        axes[1, column].set_title(text, fontsize=9, loc="left")
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
