"""From the options of caption.py to captions on stdout or in files."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from captioning.batches import Describe, describe_batches
from captioning.explain.page import PageOutput
from captioning.images import find_images
from captioning.lines import LinesOutput, fingerprint
from captioning.output import JsonOutput, Output, PictureOutput, Shown, TextOutput
from captioning.pipeline import CaptionPipeline
from captioning.strategy import Settings, build, is_beam, ranking_settings, strategy_settings, with_max_length
from captioning.styles import check_styles, chosen_styles
from utils.devices import check_device

SUFFIXES = {"--save-reconstruction": ".png", "--explain": ".html"}


def check_computing(options: argparse.Namespace) -> None:
    """Raise a `ValueError` unless something can be computed on the device, and batches hold an image."""
    if options.batch_size < 1:
        raise ValueError(f"--batch-size {options.batch_size}: expected at least 1; raise it")
    check_device(options.device, f"--device {options.device}")


def check_outputs(options: argparse.Namespace, images: Sequence[Path]) -> None:
    """Raise a `ValueError` unless what is written goes where it may, and not over what is read."""
    lines, written = options.out, {"--save-reconstruction": options.save_reconstruction, "--explain": options.explain}
    for name, path in written.items():
        if path is not None and (path.suffix.lower() != SUFFIXES[name] or not path.parent.is_dir()):
            raise ValueError(
                f"{name} {path}: expected the name of a {SUFFIXES[name]} file in a folder that exists; change it"
            )
    if lines is not None and (not lines.parent.is_dir() or (lines.exists() and not lines.is_file())):
        raise ValueError(f"--out {lines}: expected the name of a file in a folder that exists; change it")
    if lines is not None and (options.json or any(written.values())):
        raise ValueError(
            f"--out {lines}: expected no --json, --save-reconstruction or --explain beside it, for a rerun would print "
            f"and draw the rest alone; leave them out"
        )
    read = (*images, options.checkpoint, *options.others, options.style_from, options.index)
    used = {path.resolve() for path in read if path}
    for name, path in (*written.items(), ("--out", lines)):
        if path is not None and path.resolve() in used:
            raise ValueError(f"{name} {path}: expected another file than those that are read; change it")
    for name, path in written.items():
        if path is not None and path.exists():
            raise ValueError(f"{name} {path}: a file of this name is there, and would be lost; name another")


def make_describer(
    options: argparse.Namespace, pipeline: CaptionPipeline, settings: Sequence[Settings], ranking: Settings | None
) -> tuple[Describe, Shown]:
    """Build what generates, ranks and styles captions.

    Returns:
        From a batch of image files to their descriptions, and what is told of them.
    """
    strategies = [build(strategy) for strategy in settings]
    ranker = None if ranking is None else build(ranking)
    if ranker is not None:
        ranker.prepare(pipeline.captioner, None)
    choice = chosen_styles(options, pipeline)
    if choice is not None:  # then there is one strategy
        choice = choice.repeated(sampling=strategies[0].latents.num, captions=strategies[0].num)
    describe = partial(
        pipeline.describe_batch,
        strategies=strategies,
        seed=options.seed,
        words=options.words,
        styles=None if choice is None else choice.styles,
        ranker=ranker,
        reconstruct=options.save_reconstruction is not None,
        explain=options.explain is not None,
    )
    scores = ranker is not None or any(map(is_beam, settings))
    return describe, Shown(None if choice is None else choice.labels, scores)


def run(options: argparse.Namespace) -> None:
    """Describe every image that the command line names."""
    check_computing(options)
    check_styles(options)
    images = find_images(options.images)
    check_outputs(options, images)
    settings, ranking = strategy_settings(options), ranking_settings(options)
    checkpoints = [options.checkpoint, *options.others]
    pipeline = CaptionPipeline.load(checkpoints, device=options.device, trusted_packages=options.trust)
    if options.save_reconstruction is not None and not pipeline.captioner.can_reconstruct:
        raise ValueError(
            "--save-reconstruction: this model has no image decoder (model/image_decoder=none); leave the option out"
        )
    if options.explain is not None and not pipeline.captioner.can_explain:
        raise ValueError(
            "--explain: this model cannot tell how it comes to its words (`explain` of its class); leave the option out"
        )
    max_length = pipeline.captioner.tokenizer.max_length
    settings = [with_max_length(strategy, max_length) for strategy in settings]
    ranking = None if ranking is None else with_max_length(ranking, max_length)
    describe, shown = make_describer(options, pipeline, settings, ranking)
    outputs: list[Output] = [JsonOutput(shown) if options.json else TextOutput(shown)]
    done: set[str] = set()
    if options.out is not None:
        lines = LinesOutput(options.out, fingerprint(options, settings, ranking), shown)
        outputs, done = [lines], lines.done
    if options.save_reconstruction is not None:
        outputs.append(PictureOutput(options.save_reconstruction))
    if options.explain is not None:
        outputs.append(PageOutput(options.explain, pipeline.captioner, shown))
    for descriptions in describe_batches(options, describe, images, done, pipeline.captioner.image_size):
        for output in outputs:
            output.write(descriptions)
    for output in outputs:
        output.finish()
