"""Draws the picture of the README: test scenes, captions in each style, and what a model reconstructs from one of them.

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
from datamodules.shapes.grammar import STYLES  # noqa: E402
from datamodules.shapes.style import style_of  # noqa: E402
from lightning_modules import load_captioner  # noqa: E402
from lightning_modules.generation import Latent  # noqa: E402
from utils.seeding import generators_of_images  # noqa: E402

SEED = 42  # of the world, and of the samples
NUM_SCENES = 4  # the first of the test split, whose scenes do not depend on how many there are
NUM_SAMPLES = 40  # of S, from which the first caption of each style is shown
WIDTH = 33  # letters of a line


def main(checkpoint: str, picture: str) -> None:
    """Draw the picture, and print the captions."""
    mpl.use("agg")
    captioner = load_captioner(checkpoint)
    with TemporaryDirectory() as folder:
        sizes = {"num_train": 1, "num_val": 1, "num_test": NUM_SCENES, "image_size": captioner.image_size}
        data = ShapesDataModule(tokenizer=None, seed=SEED, cache_dir=folder, **sizes)
        data.prepare_data()
        test = data.load_splits()["test"]
        images_BCHW = torch.stack([test.load_image(number) for number in range(NUM_SCENES)])
    generators = generators_of_images(SEED, test.image_ids)
    generated = captioner.generate(captioner.encode(images_BCHW), Latent(num=NUM_SAMPLES), generators=generators)
    reconstructed_NCHW = captioner.reconstruct(generated.tokens_NL)

    figure, axes = plt.subplots(2, NUM_SCENES, figsize=(2.6 * NUM_SCENES, 8.6), layout="constrained")
    for number in range(NUM_SCENES):
        captions = generated.captions[number]
        first = {style_of(caption): caption for caption in reversed(captions)}
        shown = [first[style] for style in STYLES if style in first] or captions[:1]  # the last says everything
        marked = [f"{caption}{'' if data.is_true(caption, number) else ' (not true)'}" for caption in shown]
        print(f"{number}: {' | '.join(marked)}")
        longest = NUM_SAMPLES * number + captions.index(shown[-1])
        for row, pixels_CHW in enumerate((images_BCHW[number] / 255, reconstructed_NCHW[longest])):
            axes[row, number].imshow(pixels_CHW.permute(1, 2, 0).numpy(), interpolation="nearest")
            axes[row, number].set_axis_off()
        axes[0, number].set_title("image", fontsize=9)
        text = "\n".join(fill(caption, WIDTH, initial_indent="• ", subsequent_indent="  ") for caption in marked)
        axes[1, number].set_title(f"{text}\n\nreconstructed from the last:", fontsize=9, loc="left")
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
