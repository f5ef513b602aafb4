"""Describe image files with a trained checkpoint.

python caption.py CHECKPOINT photo.jpg [folder …] --num 5 --seed 0
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image
from tqdm import tqdm

from lightning_modules.caption_pipeline import CaptionPipeline, Description
from lightning_modules.losses.terms import to_unit_interval

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Describe image files with a trained checkpoint.")
    parser.add_argument("checkpoint", type=Path, help="a checkpoint that train.py wrote")
    parser.add_argument("images", type=Path, nargs="+", help="image files, or folders of them")
    parser.add_argument("--num", type=int, default=5, help="captions an image: the greedy one, then samples (5)")
    parser.add_argument("--seed", type=int, default=0, help="of the samples (0)")
    parser.add_argument("--temperature", type=float, default=1.0, help="below 1 safer, above 1 bolder (1.0)")
    parser.add_argument("--top-k", type=int, help="sample from the k likeliest words")
    parser.add_argument("--top-p", type=float, help="sample from the likeliest words that reach this probability")
    parser.add_argument("--filter-thres", type=float, help="sample from the likeliest (1 - THRES) of the vocabulary")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of text")
    parser.add_argument(
        "--save-reconstruction",
        type=Path,
        metavar="OUT.png",
        help="save a picture: each image, and beside it the image redrawn from each of its captions",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, … (cpu)")
    return parser.parse_args(arguments)


def find_images(paths: Iterable[Path]) -> list[Path]:
    """Return the files as given and, in order, the images of each folder.

    Raises:
        ValueError: A path is neither, or a folder holds no image.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            images = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
            if not images:
                raise ValueError(f"{path}: the folder holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
            found += images
        elif path.exists():
            found.append(path)
        else:
            raise ValueError(f"{path}: there is no such file or folder")
    return found


def check_device(device: str) -> None:
    """Raise a `ValueError` unless something can be computed on the device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device {device}: expected one that is here, such as cpu or cuda ({reason})") from error


def as_text(description: Description) -> str:
    """Return the file's name and its numbered captions; the first is the greedy one."""
    lines = [f"  {number}. {caption}" for number, caption in enumerate(description.captions, start=1)]
    return "\n".join([str(description.path), *lines])


def as_picture(descriptions: Sequence[Description]) -> Tensor:
    """Return one picture: a row an image, the original first, then one redrawn from each caption.

    Raises:
        ValueError: The model redraws no images.
    """
    rows: list[Tensor] = []
    for description in descriptions:
        if description.redrawn_N3HW is None:
            raise ValueError("--save-reconstruction: this model has no image decoder (model/image_decoder=none)")
        size = description.redrawn_N3HW.shape[-1]
        rows += [to_unit_interval(description.image_3HW[None], size), description.redrawn_N3HW]
    return make_grid(torch.cat(rows), nrow=1 + len(descriptions[0].captions), pad_value=1.0)


def save_picture(picture: Tensor, path: Path) -> None:
    """Write a PNG under a temporary name and move it into place."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    save_image(picture, unfinished, format="png")
    unfinished.replace(path)


def run(options: argparse.Namespace) -> None:
    """Describe every image that the command line names."""
    out = options.save_reconstruction
    if out is not None and (out.suffix.lower() != ".png" or not out.parent.is_dir()):
        raise ValueError(f"--save-reconstruction {out}: expected the name of a .png file in a folder that exists")
    check_device(options.device)
    images = find_images(options.images)
    pipeline = CaptionPipeline.load(options.checkpoint, device=options.device)
    described: list[Description] = []
    for path in tqdm(images, unit="image", disable=len(images) < 10 or not sys.stderr.isatty()):
        description = pipeline.describe(
            path,
            num=options.num,
            seed=options.seed,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            filter_thres=options.filter_thres,
        )
        described.append(description)
        if not options.json:
            print(as_text(description))
    if options.json:
        print(json.dumps([{"image": str(d.path), "captions": d.captions} for d in described], indent=2))
    if out is not None:
        save_picture(as_picture(described), out)


def main() -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    try:
        run(parse_arguments())
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
