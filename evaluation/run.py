"""One evaluation, from its config to its report."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from tqdm import tqdm

from evaluation.clip_scores import SplitClipScores, notes_on_clip
from evaluation.gallery import make_gallery
from evaluation.generate_split import (
    EncodedBatch,
    NumberedCaptions,
    draws_of,
    encode_images,
    first_images,
    with_references,
)
from evaluation.interpretability import codes_of_captions, disentanglement_of, probe_codes
from evaluation.latent_traversal import dimensions_to_traverse, make_traversals, swap
from evaluation.prediction import Predicted, SplitPredictor, predict_split
from evaluation.provenance import provenance_of, settings_of, title_of
from evaluation.report.codes import main_scores
from evaluation.report.contents import Interpretability, NamedCaptions, Report, Swaps, TradeOff, Traversal
from evaluation.report.files import write_captions, write_report
from evaluation.score_file.summary import print_table
from evaluation.scoring import cider_d_of_each, frequencies_of, score_split
from evaluation.self_retrieval import measure_self_retrieval
from evaluation.setup import Evaluated, curves_of, prepare
from evaluation.style_transfer import measure_style_transfer
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
        NamedCaptions(
            evaluated.split.image_names[image.number],
            image.generated.captions[: config.num_kept],
            image.generated.num_draws,
        )
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
        clip_scores=SplitClipScores(evaluated.clip, evaluated.split, config.num_kept),
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
    images, draws = with_references(kept, evaluated.split), draws_of(predicted.images)
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
    parts = (config.trade_off, config.exploration, config.interpretability)
    num_looked_at = min(evaluated.num_images, max(part.num_images for part in parts))
    first = [
        *encode_images(evaluated.captioner, evaluated.split, num_images=num_looked_at, batch_size=config.batch_size)
    ]
    finding, on_finding = find_images(evaluated, kept, config)
    traversals, swaps = explore(evaluated, first, config)
    interpretability = interpret(evaluated, first, config)
    codes = main_scores(interpretability) if interpretability else {}
    return Report(
        title=title_of(evaluated, config),
        facts=provenance_of(
            evaluated,
            config,
            num_generated=num_generated,
            mean_draws=draws.get("draws/mean"),
            seconds=predicted.seconds,
        ),
        scores=scores.model | finding | draws | predicted.scores | codes,
        human=scores.human,
        notes=[
            *evaluated.training.notes,
            *scores.notes,
            *notes_on_clip(evaluated.clip, evaluated.captioner.image_size),
            *on_finding,
        ],
        gallery=gallery,
        trade_off=trade_off(evaluated, first, images, config),
        traversals=traversals,
        swaps=swaps,
        interpretability=interpretability,
        config=OmegaConf.to_yaml(config, resolve=True),
    )


def find_images(
    evaluated: Evaluated, generated: Sequence[NumberedCaptions], config: DictConfig
) -> tuple[dict[str, float], list[str]]:
    """Measure whether captions find their image among the first ones, with a note; nothing if that is not asked for."""
    settings, split = config.self_retrieval, evaluated.split
    num_images = min(settings.num_images, evaluated.num_images)
    if not num_images:
        return {}, []
    scores = measure_self_retrieval(
        evaluated.captioner,
        encode_images(evaluated.captioner, split, num_images=num_images, batch_size=config.batch_size),
        generated[:num_images],
        num_samples=settings.num_samples,
        batch_size=settings.batch_size,
        seed=config.seed,
    )
    return scores, [
        f"self-retrieval is among the first {num_images:,} images, by log P(caption | image), of a model "
        f"with latents over K = {settings.num_samples} of each image; a caption that fits all images alike has rank "
        f"{num_images:,}"
    ]


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


def explore(
    evaluated: Evaluated, first: Sequence[EncodedBatch], config: DictConfig
) -> tuple[list[Traversal], Swaps | None]:
    """Change the style of the first images; nothing where that is not asked for, or the model has no latents."""
    settings, captioner = config.exploration, evaluated.captioner
    if not settings.num_images or not captioner.has_latents:
        return [], None
    batch = EncodedBatch.joined([*first_images(first, settings.num_images)])
    dimensions = dimensions_to_traverse(captioner, first, evaluated.split, settings.num_dimensions)
    values = [float(value) for value in settings["values"]]
    return (
        make_traversals(captioner, batch, dimensions=dimensions, values=values, max_length=config.max_caption_length),
        swap(captioner, batch, max_length=config.max_caption_length),
    )


def interpret(evaluated: Evaluated, first: Sequence[EncodedBatch], config: DictConfig) -> Interpretability | None:
    """Measure what the codes of the first images know; None for fewer than two, or where the model has no latents."""
    num_images = min(config.interpretability.num_images, evaluated.num_images)
    captioner, datamodule, split = evaluated.captioner, evaluated.datamodule, evaluated.split
    if num_images < 2 or not captioner.has_latents:
        return None
    batches = [*first_images(first, num_images)]
    codes = codes_of_captions(captioner, batches, split, seed=config.seed)
    return Interpretability(
        num_images,
        len(codes.captions),
        probes=probe_codes(codes, datamodule, split, seed=config.seed),
        disentanglement=disentanglement_of(codes, datamodule, split, seed=config.seed),
        transfer=measure_style_transfer(
            captioner, batches, codes, datamodule, split, max_length=config.max_caption_length
        ),
    )
