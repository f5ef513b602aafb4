"""One evaluation, from its config to its report."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from evaluation.gallery import make_gallery
from evaluation.generate_split import (
    EncodedBatch,
    GeneratedCaptions,
    encoded_batches,
    first_images,
    generate_all,
    with_references,
)
from evaluation.latent_traversal import busiest_dimensions, swap, traverse
from evaluation.provenance import provenance_of, settings_of, title_of
from evaluation.reconstruction import SplitReconstructionQuality
from evaluation.report.contents import Report, Swaps, TradeOff, Traversal
from evaluation.report.files import write_captions, write_report
from evaluation.score_file.summary import print_table
from evaluation.scoring import cider_d_of_each, frequencies_of, score_split
from evaluation.setup import Evaluated, curves_of, prepare
from evaluation.trade_off import measure_trade_off
from metrics import ImageCaptions
from utils.display import shown


class Generated(NamedTuple):
    """The captions of the split.

    Attributes:
        images: Every image's captions, as many as are kept.
        num_generated: How many were generated for each.
        kept: The first images, encoded, for what is looked at beside them.
        reconstructing: How well images are reconstructed from their first captions.
        seconds: How long it took.
    """

    images: list[GeneratedCaptions]
    num_generated: int
    kept: list[EncodedBatch]
    reconstructing: dict[str, float]
    seconds: float


def evaluate(config: DictConfig) -> None:
    """Generate captions of a split, score them, and write the report."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    evaluated = prepare(config)
    split = evaluated.split
    generated = generate(evaluated, config)
    named = [(split.image_names[image.number], image.captions) for image in generated.images]
    write_captions(folder / "captions.json", named)  # at once: whatever fails from here on, they are there

    report = make_report(evaluated, generated, config)
    write_report(folder, report, settings_of(evaluated, config))
    print_table(report.scores, report.human or None, title=report.title)
    for note in report.notes:
        print(f"note: {note}")
    print(f"captions: {shown(folder / 'captions.json')}\nreport:   {shown(folder / 'report.html')}")


def generate(evaluated: Evaluated, config: DictConfig) -> Generated:
    """Say captions of every image, and reconstruct it from the first one."""
    captioner, split, num_images = evaluated.captioner, evaluated.split, evaluated.num_images
    num_kept = max(config.trade_off.num_images, config.exploration.num_images, 1)
    batches = encoded_batches(
        captioner, split, num_images=num_images, batch_size=config.batch_size, num_workers=config.data.num_workers
    )
    quality = SplitReconstructionQuality(captioner)
    images: list[GeneratedCaptions] = []
    num_generated = 0
    kept: list[EncodedBatch] = []
    start = time.perf_counter()
    for batch, generated in generate_all(
        captioner,
        batches,
        split,
        evaluated.strategy,
        seed=config.seed,
        num_images=num_images,
        ranker=evaluated.ranker,
    ):
        if len(images) < num_kept:
            kept.append(batch.first(num_kept - len(images)))
        images += [image.first(config.num_kept) for image in generated]
        num_generated = len(generated[0].captions)
        quality.add(batch, generated)
    return Generated(images, num_generated, kept, quality.results(), time.perf_counter() - start)


def make_report(evaluated: Evaluated, generated: Generated, config: DictConfig) -> Report:
    """Score the captions, and look at them from all sides."""
    images = with_references(generated.images, evaluated.split)
    tqdm.write(f"scoring captions of {len(images):,} images …")
    scores = score_split(
        images,
        evaluated.metrics,
        training_captions=evaluated.training.captions,
        no_meteor=evaluated.no_meteor,
        meteor=config.meteor,
    )
    gallery = make_gallery(
        evaluated.captioner,
        evaluated.split,
        generated.images,
        cider_d_of_each(images),
        num_images=config.gallery.num_images,
        seed=config.seed,
    )
    traversals, swaps = explore(evaluated, generated, config)
    return Report(
        title=title_of(evaluated, config),
        facts=provenance_of(evaluated, config, num_generated=generated.num_generated, seconds=generated.seconds),
        scores=scores.model | generated.reconstructing,
        human=scores.human,
        notes=[*evaluated.training.notes, *scores.notes],
        gallery=gallery,
        trade_off=trade_off(evaluated, generated, images, config),
        traversals=traversals,
        swaps=swaps,
        config=OmegaConf.to_yaml(config, resolve=True),
    )


def trade_off(
    evaluated: Evaluated, generated: Generated, images: Sequence[ImageCaptions], config: DictConfig
) -> TradeOff | None:
    """Measure accuracy against diversity on the first images; None where that is not asked for."""
    settings = config.trade_off
    if not settings.num_images:
        return None
    return measure_trade_off(
        evaluated.captioner,
        [*first_images(generated.kept, settings.num_images)],
        evaluated.split,
        curves_of(settings),
        settings.temperatures,
        num_captions=settings.num_captions,
        seed=config.seed,
        frequencies=frequencies_of(images),
    )


def explore(evaluated: Evaluated, generated: Generated, config: DictConfig) -> tuple[list[Traversal], Swaps | None]:
    """Change the style of the first images; nothing where that is not asked for, or the model has no latents."""
    settings, captioner = config.exploration, evaluated.captioner
    if not settings.num_images or not captioner.has_latents:
        return [], None
    batch = EncodedBatch.joined([*first_images(generated.kept, settings.num_images)])
    dimensions = busiest_dimensions(captioner, generated.kept, evaluated.split, settings.num_dimensions)
    values = [float(value) for value in settings["values"]]
    return (
        traverse(captioner, batch, dimensions=dimensions, values=values, max_length=settings.max_length),
        swap(captioner, batch, max_length=settings.max_length),
    )
