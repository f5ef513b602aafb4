"""Draws the picture of the README: test scenes, captions that a model generates, and what it reconstructs from them.

python docs/picture.py CHECKPOINT docs/images/captions.png
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import matplotlib as mpl  # noqa: E402 # this project is beside this folder, not installed
import torch  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

from datamodules.shapes import ShapesDataModule  # noqa: E402
from lightning_modules import load_captioner  # noqa: E402
from lightning_modules.generation import Greedy  # noqa: E402

NUM_SCENES = 4  # the first of the test split, whose scenes do not depend on how many there are
WIDTH = 30  # letters of a line


def main(checkpoint: str, picture: str) -> None:
    """Draw the picture, and print the captions."""
    mpl.use("agg")
    captioner = load_captioner(checkpoint)
    with TemporaryDirectory() as folder:
        sizes = {"num_train": 1, "num_val": 1, "num_test": NUM_SCENES, "image_size": captioner.image_size}
        data = ShapesDataModule(tokenizer=None, seed=42, cache_dir=folder, **sizes)
        data.prepare_data()
        test = data.load_splits()["test"]
        images_BCHW = torch.stack([test.load_image(number) for number in range(NUM_SCENES)])
    generated = captioner.generate(captioner.encode(images_BCHW), Greedy())
    reconstructed_BCHW = captioner.reconstruct(generated.tokens_NL)

    figure, axes = plt.subplots(2, NUM_SCENES, figsize=(2.5 * NUM_SCENES, 5.8), layout="constrained")
    for number in range(NUM_SCENES):
        reference, (caption,) = max(test.captions[number], key=len), generated.captions[number]
        print(f"{number}: {caption}  |  reference: {reference}")
        for row, pixels_CHW in enumerate((images_BCHW[number] / 255, reconstructed_BCHW[number])):
            axes[row, number].imshow(pixels_CHW.permute(1, 2, 0).numpy(), interpolation="nearest")
            axes[row, number].set_axis_off()
        axes[0, number].set_title("image", fontsize=9)
        text = f"reference:\n{fill(reference, WIDTH)}\n\ngenerated:\n{fill(caption, WIDTH)}\n\nreconstructed from it:"
        axes[1, number].set_title(text, fontsize=9, loc="left")
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
