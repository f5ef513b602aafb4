"""Writes what comes with the package: a trained model, with the figures that it has as it is written, and some scenes.

python train.py experiment=shapes_small model.loss.style_free_bits.start=0.1
python docs/example_model.py outputs/…/checkpoints/last.ckpt captioning/example
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402 # this project is beside this folder, not installed

from datamodules.shapes import ShapesDataModule  # noqa: E402
from lightning_modules import CaptioningModule, load_captioner, save_pretrained  # noqa: E402
from lightning_modules.checkpoints.model_card import origin_of  # noqa: E402
from lightning_modules.generation import Greedy, Latent  # noqa: E402
from lightning_modules.losses.terms import to_unit_interval  # noqa: E402
from metrics.reconstruction import psnr  # noqa: E402
from pictures.pixels import to_picture  # noqa: E402
from utils.progress import progress_bar  # noqa: E402
from utils.seeding import generators_of_images  # noqa: E402

SEED = 42  # of the world, and of the samples
NUM_SCENES = 6
BATCH_SIZE = 20
NUM_SAMPLES = 20
MODEL, SCENES = "shapes_small", "scenes"


def main(checkpoint: str, folder: str, num_test: int = 500) -> None:
    """Write both folders, and print the figures.

    Args:
        checkpoint: Of the model.
        folder: Where `shapes_small` and `scenes` are made.
        num_test: Test scenes that the figures are of; no model is trained on these.
    """
    captioner, written = load_captioner(checkpoint), Path(folder) / MODEL
    with TemporaryDirectory() as temporary:
        sizes = {"num_train": 1, "num_val": 1, "num_test": num_test, "image_size": captioner.image_size}
        data = ShapesDataModule(tokenizer=None, seed=SEED, cache_dir=temporary, **sizes)
        data.prepare_data()
        save_pretrained(captioner, Path(temporary) / "half", half=True)
        figures = measure(load_captioner(Path(temporary) / "half"), data)
        test = data.load_splits()["test"]
        (Path(folder) / SCENES).mkdir(parents=True, exist_ok=True)
        for number in range(min(NUM_SCENES, num_test)):
            path = Path(folder) / SCENES / f"scene_{number + 1}.png"
            to_picture(test.load_image(number)).save(path, optimize=True)
    origin = origin_of(Path(checkpoint))._replace(figures=figures, figures_of=f"On {num_test} test scenes")
    save_pretrained(captioner, written, origin=origin, half=True)
    for name, figure in figures.items():
        print(f"{figure:8.4f}  {name}")
    print(f"{written}: {sum(file.stat().st_size for file in written.iterdir()) / 1e6:.2f} MB")


@torch.no_grad()
def measure(captioner: CaptioningModule, data: ShapesDataModule) -> dict[str, float]:
    """Return how true captions are, how many differ, and how well images are reconstructed."""
    test = data.load_splits()["test"]
    num = len(test.image_ids)
    true = sampled_true = distinct = psnr_sum = 0.0
    for start in progress_bar(range(0, num, BATCH_SIZE), desc="figures", unit="batch"):
        ids = test.image_ids[start : start + BATCH_SIZE]
        images_BCHW = torch.stack([test.load_image(start + row) for row in range(len(ids))])
        features_BPD = captioner.encode(images_BCHW)
        greedy = captioner.generate(features_BPD, Greedy(max_length=captioner.tokenizer.max_length))
        latent = Latent(num=NUM_SAMPLES, max_length=captioner.tokenizer.max_length)
        sampled = captioner.generate(features_BPD, latent, generators=generators_of_images(SEED, ids)).captions
        for image_id, (likeliest,), captions in zip(ids, greedy.captions, sampled, strict=True):
            true += data.is_true(likeliest, image_id)
            sampled_true += sum(data.is_true(caption, image_id) for caption in captions) / NUM_SAMPLES
            distinct += len({*captions}) / NUM_SAMPLES
        reconstructed_BCHW = captioner.reconstruct(greedy.tokens_NL)
        psnr_sum += psnr(reconstructed_BCHW, to_unit_interval(images_BCHW, captioner.image_size)).sum().item()
    samples = f"{NUM_SAMPLES} captions from samples of S"
    return {
        "likeliest caption: true": true / num,
        "image reconstructed from it: PSNR in dB": psnr_sum / num,
        f"{samples}: true": sampled_true / num,
        f"{samples}: distinct": distinct / num,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
