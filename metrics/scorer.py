"""All scores of a set of captions at once, and the same for the references.

Shape legend: N captions, image by image, B images.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from metrics.candidate_scores import score_candidates
from metrics.caption_metric import ImageCaptions
from metrics.consistency import consistency
from metrics.diversity.caption_sets import CaptionSets
from metrics.diversity.distinct import sentence
from metrics.diversity.protocol_a import protocol_a
from metrics.diversity.protocol_b import protocol_b
from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Floats, Integers, Tokens
from metrics.paired_captions import PairedCaptions, all_candidates, slots
from metrics.ptb_tokenizer import ptb_tokenize
from utils.progress import SHOWN_AFTER, progress_bar

PROTOCOLS = ("a", "b")


def score_captions(
    images: Sequence[ImageCaptions],
    *,
    protocols: Collection[str] = PROTOCOLS,
    training_captions: Sequence[str] | None = None,
    frequencies: DocumentFrequencies | None = None,
    with_meteor: bool = False,
) -> dict[str, float]:
    """Score captions against references, and against each other where images have several.

    - `coco/BLEU-1` … `coco/BLEU-4`, `coco/ROUGE-L`, `coco/CIDEr-D`, `coco/METEOR`: accuracy of each image's first
      caption, the best-ranked, as the COCO caption evaluation counts it.
    - With several captions an image: `mean/…`, `min/…` and `oracle/…` of these (see `consistency`); `A/…` (see
      `protocol_a`) and `B/…` (see `protocol_b`).

    Images may have differing numbers of captions, but either all have one or all have several. An empty caption
    counts as a caption without n-grams.

    Args:
        images: The images with their captions, best first; each image once.
        protocols: Of "a" and "b", the diversity protocols to follow.
        training_captions: What a caption must not be, token by token, to be novel; None leaves novelty out.
        frequencies: Document frequencies for CIDEr-D and Self-CIDEr; None for those of the references.
        with_meteor: Whether to compute METEOR, which takes Java.

    Raises:
        ValueError: There is no image, one comes twice or has no caption or reference, some images have one caption and
            others several, a protocol is unknown, METEOR cannot be computed, or a score is not a finite number.
    """
    _check(images, protocols, training_captions)
    pairs = all_candidates(images)
    scores = score_candidates(pairs, frequencies, with_meteor=with_meteor)
    results = _coco(scores.of_choice(np.searchsorted(pairs.image_of_candidate_N, np.arange(len(images)))))
    if len(pairs.candidates) > len(images):
        sets = CaptionSets.of_candidates(pairs)
        weights = DocumentFrequencies.of(pairs.references) if frequencies is None else frequencies
        results |= _several(sets, scores.by_name, protocols, weights, _sentences(training_captions))
    return _finite(results)


def human_captions(
    images: Sequence[ImageCaptions],
    *,
    protocols: Collection[str] = PROTOCOLS,
    training_captions: Sequence[str] | None = None,
    frequencies: DocumentFrequencies | None = None,
    with_meteor: bool = False,
) -> dict[str, float]:
    """Score the references as if a model had generated them: each against the others of its image (leave-one-out).

    The names are those of `score_captions`. Accuracy is that of all first references, of all second ones, …, averaged
    with as much weight as each has captions; consistency and diversity are those of an image's references together.
    A reference has one reference fewer than a model's caption has, which lowers its scores; document frequencies are
    those of all references. The images' candidates are not looked at.

    Args:
        images: The images with at least two references each.
        protocols: As for `score_captions`.
        training_captions: As for `score_captions`.
        frequencies: As for `score_captions`.
        with_meteor: As for `score_captions`; Java runs once for each reference of an image.

    Raises:
        ValueError: As for `score_captions`; or an image has fewer than two references.
    """
    _check(images, protocols, training_captions)
    references = [[ptb_tokenize(caption) for caption in image.references] for image in images]
    few = next((image.image_id for image in images if len(image.references) < 2), None)
    if few is not None:
        raise ValueError(f"expected two references of each image to score one by the others, got fewer for image {few}")
    sets = CaptionSets.of(references)
    weights = DocumentFrequencies.of(references) if frequencies is None else frequencies
    accuracy, by_name = _leave_one_out(references, sets.image_of_caption_N, weights, with_meteor=with_meteor)
    return _finite(_coco(accuracy) | _several(sets, by_name, protocols, weights, _sentences(training_captions)))


def _several(
    sets: CaptionSets,
    by_name: Mapping[str, Floats],
    protocols: Collection[str],
    frequencies: DocumentFrequencies,
    training_sentences: Collection[str] | None,
) -> dict[str, float]:
    """Return consistency and diversity of several captions an image."""
    results = consistency(by_name, sets.image_of_caption_N)
    if "a" in protocols:
        results |= protocol_a(sets, by_name, training_sentences)
    if "b" in protocols:
        results |= protocol_b(sets, frequencies, training_sentences)
    return results


def _coco(accuracy: Mapping[str, float]) -> dict[str, float]:
    return {f"coco/{name}": value for name, value in accuracy.items()}


def _leave_one_out(
    references: Sequence[Sequence[Tokens]],
    image_of_reference_N: Integers,
    frequencies: DocumentFrequencies,
    *,
    with_meteor: bool,
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return the accuracy of references by the others of their image: on the whole, and of each reference, [N]."""
    slot_of_reference_N = slots(image_of_reference_N)
    by_name: dict[str, Floats] = {}
    totals: dict[str, float] = {}
    most = range(max(map(len, references)))
    for slot in progress_bar(most, desc="human captions", unit="of each image", delay=SHOWN_AFTER, leave=False):
        having = [captions for captions in references if len(captions) > slot]
        others = [[*captions[:slot], *captions[slot + 1 :]] for captions in having]
        pairs = PairedCaptions([captions[slot] for captions in having], others)
        scores = score_candidates(pairs, frequencies, with_meteor=with_meteor)
        for name, score_B in scores.by_name.items():
            by_name.setdefault(name, np.empty(len(slot_of_reference_N)))[slot_of_reference_N == slot] = score_B
        for name, score in scores.of_choice(np.arange(len(having))).items():
            totals[name] = totals.get(name, 0.0) + score * len(having)
    return {name: total / len(slot_of_reference_N) for name, total in totals.items()}, by_name


def _sentences(captions: Sequence[str] | None) -> frozenset[str] | None:
    if captions is None:
        return None
    bar = progress_bar(captions, desc="training captions", unit="caption", delay=SHOWN_AFTER, leave=False)
    return frozenset(sentence(ptb_tokenize(caption)) for caption in bar)


def _check(images: Sequence[ImageCaptions], protocols: Collection[str], training: Sequence[str] | None) -> None:
    unknown = sorted(set(protocols) - set(PROTOCOLS))
    if unknown:
        raise ValueError(f'expected protocols of "a" and "b", got {unknown}')
    if not images:
        raise ValueError("expected at least one image with captions to score, got none")
    if training is not None and not training:
        raise ValueError("expected training captions to tell novel ones, got an empty list; give None for no novelty")
    seen: set[int] = set()
    for image in images:
        if image.image_id in seen:
            raise ValueError(f"expected each image once, got image {image.image_id} twice; join its captions")
        if not image.candidates or not image.references:
            raise ValueError(f"expected a caption and a reference of each image, got none for image {image.image_id}")
        seen.add(image.image_id)


def _finite(results: dict[str, float]) -> dict[str, float]:
    wrong = [name for name, value in results.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(f"expected finite scores, got {', '.join(f'{name} = {results[name]}' for name in wrong)}")
    return results
