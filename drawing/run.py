"""From the options of draw.py to drawings on stdout or in files."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from captioning.run import check_computing
from captioning.strategy import build
from datamodules.image_files.reading import read_image
from drawing.batches import draw_batches
from drawing.output import FolderOutput, JsonOutput, Output, SheetOutput, fingerprint
from drawing.pipeline import DrawingPipeline, Prime
from drawing.prompts import find_prompts
from drawing.settings import drawing_settings, number_of_drawings, ranking_settings
from lightning_modules.drawing import refuse_unknown_prompts
from lightning_modules.ranking import DrawingLikelihood
from pictures.drawing_sheet import LabelledImage


def run(options: argparse.Namespace) -> None:
    """Draw every prompt that the command line names."""
    check_computing(options)
    prompts, num = find_prompts(options), number_of_drawings(options)
    check_outputs(options)
    settings, ranking = drawing_settings(options), ranking_settings(options)
    drawing, ranker = build(settings), None if ranking is None else build(ranking)
    pipeline = DrawingPipeline.load(options.checkpoint, device=options.device, trusted_packages=options.trust)
    refuse_unknown_prompts(prompts, pipeline.captioner.tokenizer)  # all, before the first is drawn
    prime = prime_of(options, pipeline)
    fingerprint_of_run = partial(fingerprint, options, num, settings, ranking)
    label = DrawingLikelihood.label if ranker is None else ranker.label
    outputs, done = make_outputs(options, prompts, pipeline, label, fingerprint_of_run)
    draw = partial(
        pipeline.draw_batch,
        drawing=drawing,
        num=num,
        seed=options.seed,
        batch_size=options.batch_size,
        prime=prime,
        ranker=ranker,
        keep=options.keep,
    )
    for number, drawings in draw_batches(draw, prompts, done, num=num, batch_size=options.batch_size):
        for output in outputs:
            output.write(number, drawings)
    for output in outputs:
        output.finish()


def make_outputs(
    options: argparse.Namespace,
    prompts: Sequence[str],
    pipeline: DrawingPipeline,
    label: str,
    run: Callable[[], str],
) -> tuple[list[Output], set[int]]:
    """Return what drawings are written to, and the numbers of the prompts that are there already, from 1.

    `label` says what the numbers below drawings are; `run` returns the fingerprint of all that drawings depend on, for
    whoever goes on with files.
    """
    if options.folder is not None:
        folder = FolderOutput(options.folder, run(), prompts)
        return [folder], {*map(int, folder.done)}
    outputs: list[Output] = [JsonOutput()] if options.json else []
    if options.out is not None:
        begin = None
        if options.prime is not None:
            begin = LabelledImage(read_image(options.prime, pipeline.captioner.image_size), "begins as this")
        outputs.append(SheetOutput(options.out, label, begin))
    return outputs, set()


def check_outputs(options: argparse.Namespace) -> None:
    """Raise a `ValueError` unless drawings are kept, where they may be, and not over what is read."""
    out, folder = options.out, options.folder
    if out is None and folder is None and not options.json:
        raise ValueError("expected --out FILE.png, --folder FOLDER or --json, for what is drawn; add one")
    if out is not None and (out.suffix.lower() != ".png" or not out.parent.is_dir()):
        raise ValueError(f"--out {out}: expected the name of a .png file in a folder that exists; change it")
    if out is not None and out.exists():
        raise ValueError(f"--out {out}: a file of this name is there, and would be lost; name another")
    if folder is not None and ((folder.exists() and not folder.is_dir()) or not folder.parent.is_dir()):
        raise ValueError(f"--folder {folder}: expected the name of a folder in one that exists; change it")
    if folder is not None and (options.json or out is not None):
        raise ValueError(
            f"--folder {folder}: expected no --json or --out beside it, for a rerun would show the rest alone; leave "
            f"them out"
        )


def prime_of(options: argparse.Namespace, pipeline: DrawingPipeline) -> Prime | None:
    """Return what drawings begin with; None for nothing.

    Raises:
        ValueError: There is no image whose rows they are, or it has not as many rows of codes.
    """
    rows = options.prime_rows
    if options.prime is None:
        if rows is not None:
            raise ValueError(f"--prime-rows {rows}: expected --prime, the image whose rows they are; add it")
        return None
    prime = Prime(options.prime, rows)
    pipeline.given_codes(prime)  # what cannot be used is refused before the first is drawn
    return prime
