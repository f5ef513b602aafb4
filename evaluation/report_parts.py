"""What a report looks at beside the scores of its captions; each part is left out where it is not asked for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from omegaconf import DictConfig

from evaluation.drawings import DrawnReferences, measure_drawings
from evaluation.explained import explain_images
from evaluation.gallery import make_gallery
from evaluation.generate_split import EncodedBatch, NumberedCaptions, encode_images, first_images
from evaluation.interpretability import codes_of_captions, disentanglement_of, probe_codes
from evaluation.latent_traversal import dimensions_to_traverse, make_traversals, swap
from evaluation.prediction import Predicted
from evaluation.report.contents import (
    Confusion,
    ExplainedImage,
    Interpretability,
    ShownImage,
    StyleWords,
    Swaps,
    TradeOff,
    Traversal,
)
from evaluation.scoring import Scores, cider_d_of_each, frequencies_of, score_split
from evaluation.self_retrieval import measure_self_retrieval
from evaluation.setup import Evaluated, curves_of
from evaluation.style_transfer import measure_style_transfer
from evaluation.style_words import compare_ends
from evaluation.trade_off import measure_trade_off
from metrics import ImageCaptions, confusion_matrix


def score(evaluated: Evaluated, images: Sequence[ImageCaptions], config: DictConfig) -> Scores:
    """Score the captions of all images."""
    return score_split(
        images,
        evaluated.metrics,
        training_captions=evaluated.training.captions,
        frequencies=evaluated.frequencies,
        no_meteor=evaluated.no_meteor,
        meteor=config.meteor,
    )


def show_gallery(
    evaluated: Evaluated, generated: Sequence[NumberedCaptions], images: Sequence[ImageCaptions], config: DictConfig
) -> dict[str, list[ShownImage]]:
    """Choose images to show with their captions, by section."""
    return make_gallery(
        evaluated.captioner,
        evaluated.split,
        generated,
        cider_d_of_each(images, evaluated.frequencies),
        num_images=config.gallery.num_images,
        seed=config.seed,
    )


def encode_first_images(evaluated: Evaluated, config: DictConfig) -> Iterator[EncodedBatch]:
    """Encode the first images, as many as the part that looks at most of them."""
    exploration = config.exploration
    most = max(
        config.trade_off.num_images,
        exploration.num_images,
        exploration.num_word_images if exploration.num_images else 0,
        config.interpretability.num_images,
    )
    num_images = min(evaluated.num_images, most)
    return encode_images(evaluated.captioner, evaluated.split, num_images=num_images, batch_size=config.batch_size)


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


def draw(evaluated: Evaluated, config: DictConfig) -> DrawnReferences:
    """Draw references of the first images; nothing where that is not asked for, or the model cannot."""
    settings, captioner = config.drawings, evaluated.captioner
    num_images = min(settings.num_images, evaluated.num_images)
    if not num_images or not captioner.can_draw:
        return DrawnReferences({}, [], [])
    return measure_drawings(
        captioner,
        [*encode_images(captioner, evaluated.split, num_images=num_images, batch_size=config.batch_size)],
        evaluated.datamodule,
        evaluated.split,
        evaluated.drawing,
        num=settings.num,
        ranker=evaluated.drawing_ranker if settings.num > 1 else None,
        frequencies=evaluated.frequencies,
        max_length=config.max_caption_length,
        batch_size=settings.batch_size,
        num_shown=settings.num_shown,
        seed=config.seed,
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
        curves_of(settings, has_latents=evaluated.captioner.has_latents),
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
    dimensions = dimensions_to_traverse(captioner, first, evaluated.split, settings.num_dimensions)
    values = [float(value) for value in settings["values"]]
    max_length = config.max_caption_length
    traversals = make_traversals(captioner, batch, dimensions=dimensions, values=values, max_length=max_length)
    style_words = compare_ends(
        captioner,
        [*first_images(first, settings.num_word_images)],
        dimensions=dimensions,
        ends=(min(values), max(values)),
        max_length=max_length,
        num_words=settings.num_words,
    )
    return Explored(traversals, swap(captioner, batch, evaluated.split, max_length=max_length), style_words)


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


def confusions_of(evaluated: Evaluated, predicted: Predicted) -> list[Confusion]:
    """Return for each attribute which of its values reconstructions show as which; nothing where that is not known."""
    if not predicted.comparisons:
        return []
    return [
        Confusion(attribute, confusion_matrix(predicted.comparisons, attribute))
        for attribute in evaluated.datamodule.fact_attributes()
    ]


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
