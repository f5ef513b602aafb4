"""One evaluation, from its config to its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from tqdm import tqdm

from evaluation.explained import explain_images
from evaluation.gallery import make_gallery
from evaluation.generate_split import EncodedBatch, encode_images, first_images, with_references
from evaluation.latent_traversal import busiest_dimensions, swap, traverse
from evaluation.prediction import Predicted, SplitPredictor, predict_split
from evaluation.provenance import provenance_of, settings_of, title_of
from evaluation.report.contents import ExplainedImage, Report, StyleWords, Swaps, TradeOff, Traversal
from evaluation.report.files import write_captions, write_report
from evaluation.score_file.summary import print_table
from evaluation.scoring import cider_d_of_each, frequencies_of, score_split
from evaluation.setup import Evaluated, curves_of, prepare
from evaluation.style_words import compare_ends
from evaluation.trade_off import measure_trade_off
from metrics import ImageCaptions
from utils.display import shown


def evaluate(config: DictConfig, trainer: Trainer) -> None:
    """Generate captions of a split on all devices; then, in the first process, score them and write the report."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    evaluated = prepare(config)
    predicted = predict(evaluated, config, trainer)
    if predicted is None:
        return
    named = [
        (evaluated.split.image_names[image.number], image.generated.captions[: config.num_kept])
        for image in predicted.images
    ]
    write_captions(folder / "captions.json", named)  # at once: whatever fails from here on, they are there

    report = make_report(evaluated, predicted, config)
    write_report(folder, report, settings_of(evaluated, config))
    print_table(report.scores, report.human or None, title=report.title)
    for note in report.notes:
        print(f"note: {note}")
    print(f"captions: {shown(folder / 'captions.json')}\nreport:   {shown(folder / 'report.html')}")


def predict(evaluated: Evaluated, config: DictConfig, trainer: Trainer) -> Predicted | None:
    """Generate captions of every image; None in all processes but the first."""
    predictor = SplitPredictor(
        evaluated.captioner,
        evaluated.split,
        evaluated.strategy,
        seed=config.seed,
        ranker=evaluated.ranker,
        training=lambda: evaluated.splits["train"],
        num_bins=config.calibration.num_bins,
    )
    return predict_split(
        trainer,
        predictor,
        num_images=evaluated.num_images,
        batch_size=config.batch_size,
        num_workers=config.data.num_workers,
    )


def make_report(evaluated: Evaluated, predicted: Predicted, config: DictConfig) -> Report:
    """Score the captions, and look at them from all sides."""
    num_generated = len(predicted.images[0].generated.captions)
    kept = [image._replace(generated=image.generated.first(config.num_kept)) for image in predicted.images]
    images = with_references(kept, evaluated.split)
    tqdm.write(f"scoring captions of {len(images):,} images …")
    scores = score_split(
        images,
        evaluated.metrics,
        training_captions=evaluated.training.captions,
        frequencies=evaluated.frequencies,
        no_meteor=evaluated.no_meteor,
        meteor=config.meteor,
    )
    gallery = make_gallery(
        evaluated.captioner,
        evaluated.split,
        kept,
        cider_d_of_each(images, evaluated.frequencies),
        num_images=config.gallery.num_images,
        seed=config.seed,
    )
    most = max(config.trade_off.num_images, config.exploration.num_images, config.exploration.num_word_images)
    num_looked_at = min(evaluated.num_images, most)
    first = [
        *encode_images(evaluated.captioner, evaluated.split, num_images=num_looked_at, batch_size=config.batch_size)
    ]
    explored = explore(evaluated, first, config)
    reliability = {name: table.calibration_error for name, table in predicted.reliability.items()}
    return Report(
        title=title_of(evaluated, config),
        facts=provenance_of(evaluated, config, num_generated=num_generated, seconds=predicted.seconds),
        scores=scores.model | predicted.reconstructing | reliability,
        human=scores.human,
        notes=[*evaluated.training.notes, *scores.notes],
        gallery=gallery,
        trade_off=trade_off(evaluated, first, images, config),
        traversals=explored.traversals,
        swaps=explored.swaps,
        explained=explain(evaluated, first, config),
        reliability=predicted.reliability,
        style_words=explored.style_words,
        config=OmegaConf.to_yaml(config, resolve=True),
    )


def trade_off(
    evaluated: Evaluated, first: Sequence[EncodedBatch], images: Sequence[ImageCaptions], config: DictConfig
) -> TradeOff | None:
    """Measure accuracy against diversity on the first images; None where that is not asked for."""
    settings = config.trade_off
    if not settings.num_images:
        return None
    return measure_trade_off(
        evaluated.captioner,
        [*first_images(first, settings.num_images)],
        evaluated.split,
        curves_of(settings),
        settings["values"],
        num_captions=settings.num_captions,
        seed=config.seed,
        frequencies=evaluated.frequencies or frequencies_of(images),
    )


class Explored(NamedTuple):
    """What the style does; empty where that was not asked for, or the model has no latents."""

    traversals: list[Traversal]
    swaps: Swaps | None
    style_words: list[StyleWords]


def explore(evaluated: Evaluated, first: Sequence[EncodedBatch], config: DictConfig) -> Explored:
    """Change the style of the first images."""
    settings, captioner = config.exploration, evaluated.captioner
    if not settings.num_images or not captioner.has_latents:
        return Explored([], None, [])
    batch = EncodedBatch.joined([*first_images(first, settings.num_images)])
    dimensions = busiest_dimensions(captioner, first, evaluated.split, settings.num_dimensions)
    values = [float(value) for value in settings["values"]]
    max_length = config.max_caption_length
    traversals = traverse(captioner, batch, dimensions=dimensions, values=values, max_length=max_length)
    style_words = compare_ends(
        captioner,
        [*first_images(first, settings.num_word_images)],
        dimensions=dimensions,
        ends=(min(values), max(values)),
        max_length=max_length,
        num_words=settings.num_words,
    )
    return Explored(traversals, swap(captioner, batch, max_length=max_length), style_words)


def explain(evaluated: Evaluated, first: Sequence[EncodedBatch], config: DictConfig) -> list[ExplainedImage]:
    """Explain captions of the first images; nothing where that is not asked for, or the model cannot."""
    settings = config.exploration
    if not settings.num_images or not settings.num_explained or not evaluated.captioner.can_explain:
        return []
    return explain_images(
        evaluated.captioner,
        EncodedBatch.joined([*first_images(first, settings.num_images)]),
        evaluated.split,
        evaluated.strategy,
        num_captions=settings.num_explained,
        seed=config.seed,
        ranker=evaluated.ranker,
    )
