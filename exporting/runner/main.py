"""Captions image files with the ONNX files of this folder; needs numpy, onnxruntime and Pillow, and nothing else.

python run.py photo.jpg other.jpg [--strategy greedy|beam|sample] [--num 5] [--seed 0] …
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from exporting.runner.images import read_image
from exporting.runner.model import Captions, Model, NumpyDraws


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Caption image files with the ONNX files of a folder.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--folder", default=Path(__file__).parent, help="of the ONNX files (that of this file)")
    parser.add_argument("--strategy", choices=("greedy", "beam", "sample"), default="greedy", help="(greedy)")
    parser.add_argument("--num", type=int, help="captions an image (beam 1, sample 5)")
    parser.add_argument("--beam-size", type=int, default=5, help="captions that are searched for at a time (5)")
    parser.add_argument("--length-penalty", type=float, default=0.6, help="of beams; 0 ranks by log P alone (0.6)")
    parser.add_argument("--temperature", type=float, default=1.0, help="of samples: below 1 safer, above 1 bolder (1)")
    parser.add_argument("--top-k", type=int, help="sample from the k likeliest words")
    parser.add_argument("--top-p", type=float, help="sample from the likeliest words that reach this probability")
    parser.add_argument("--latent-scale", type=float, default=1.0, help="of samples: of the noise of the codes (1)")
    parser.add_argument("--max-length", type=int, help="most tokens of a caption, its end included")
    parser.add_argument("--seed", type=int, default=0, help="of samples (0)")
    parser.add_argument("--threads", type=int, help="that an operation may use (as many as there are cores)")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of text")
    parser.add_argument("--save-reconstruction", metavar="OUT.png", help="save images reconstructed from the captions")
    options = parser.parse_args(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    if options.num is None:
        options.num = 5 if options.strategy == "sample" else 1
    for name, value, holds, expected in (
        ("num", options.num, options.num >= 1, "at least 1"),
        ("num", options.num, options.strategy != "greedy" or options.num == 1, "1 of --strategy greedy"),
        ("beam-size", options.beam_size, options.beam_size >= 1, "at least 1"),
        ("num", options.num, options.strategy != "beam" or options.num <= options.beam_size, "at most --beam-size"),
        ("length-penalty", options.length_penalty, options.length_penalty >= 0, "0 or more"),
        ("temperature", options.temperature, options.temperature > 0, "above 0"),
        ("top-k", options.top_k, options.top_k is None or options.top_k >= 1, "at least 1"),
        ("top-p", options.top_p, options.top_p is None or 0 < options.top_p <= 1, "above 0 and at most 1"),
        ("latent-scale", options.latent_scale, options.latent_scale >= 0, "0 or more"),
        ("max-length", options.max_length, options.max_length is None or options.max_length >= 1, "at least 1"),
        ("seed", options.seed, options.seed >= 0, "0 or more"),
    ):
        if not holds:
            sys.exit(f"error: --{name} {value}: expected {expected}")


def caption(model: Model, images_BCHW: np.ndarray, options: argparse.Namespace) -> Captions:
    """Caption images as the options say."""
    features_BPD = model.encode(images_BCHW)
    if options.strategy == "greedy":
        return model.greedy(features_BPD, max_length=options.max_length)
    if options.strategy == "beam":
        return model.beam(
            features_BPD,
            beam_size=options.beam_size,
            num=options.num,
            length_penalty=options.length_penalty,
            max_length=options.max_length,
        )
    return model.sample(
        features_BPD,
        [NumpyDraws(image_CHW, options.seed) for image_CHW in images_BCHW],
        num=options.num,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        latent_scale=options.latent_scale,
        max_length=options.max_length,
    )


def run(options: argparse.Namespace) -> None:
    """Caption the images that the command line names, one after the other.

    Raises:
        ValueError: A file is not as it should be, or the model cannot do what is asked for.
    """
    model = Model(options.folder, options.threads)
    if options.max_length is not None and options.max_length > model.max_length:
        raise ValueError(
            f"--max-length {options.max_length}: expected at most {model.max_length}, as in training; lower it"
        )
    if options.save_reconstruction and not model.can_reconstruct:
        raise ValueError("--save-reconstruction: this model has no image decoder; leave it out")
    results, reconstructed = [], []
    for path in options.images:
        images_1CHW = read_image(path, model.image_size)[None]
        captions = caption(model, images_1CHW, options)
        texts, nats = model.texts(captions, 1)[0], captions.log_probability_N.tolist()
        if options.save_reconstruction:
            reconstructed.append(np.concatenate([*model.reconstruct(captions.tokens_NL)], axis=2))
        results.append({"image": str(path), "captions": texts, "log_probabilities": nats})
        if not options.json:
            print("\n".join([str(path), *(f"  {nat:8.2f}  {text}" for nat, text in zip(nats, texts, strict=True))]))
    if options.json:
        print(json.dumps(results, indent=1, ensure_ascii=False))
    if options.save_reconstruction:
        rows_CHW = np.concatenate(reconstructed, axis=1)
        Image.fromarray((255 * rows_CHW.transpose(1, 2, 0)).round().astype(np.uint8)).save(options.save_reconstruction)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    options = parse_arguments(arguments)
    try:
        run(options)
    except BrokenPipeError:  # who reads has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python's last flush does not fail again
        sys.exit(1)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
