"""Images that a model draws of the references of a split: what they show, and whether it recognises them again.

Shape legend: N images with one caption each, M drawings of a caption, R drawings in all, caption by caption, L tokens,
P positions of the grid of codes, D features of a position.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.report.drawn import DrawnImage, DrawnPicture
from evaluation.scoring import cider_d_of_each
from lightning_modules import CaptioningModule
from lightning_modules.drawing import draw_each
from lightning_modules.generation import Drawing, Greedy
from lightning_modules.ranking import DrawingRanker, best_drawings_first
from lightning_modules.results.drawn import Drawn
from metrics import (
    DocumentFrequencies,
    DrawingFacts,
    ImageCaptions,
    code_figures,
    marginal_distance,
    retrieval,
    true_ranks,
)
from utils.progress import progress_bar
from utils.seeding import generators_of_images


class DrawnReferences(NamedTuple):
    """The drawings of a split's references, and what was measured of them.

    Attributes:
        scores: By name.
        shown: The first images with their drawings.
        notes: What a reader must know of the scores.
    """

    scores: dict[str, float]
    shown: list[DrawnImage]
    notes: list[str]


class _Drawings(NamedTuple):
    """Drawings of a caption each of some images.

    Attributes:
        numbers: The images, by their numbers in the split.
        captions: Of each the reference that is drawn.
        tokens_NL: The same as ids after the prefix, padded.
        drawn: M of each, the best first.
        score_R: What they are ranked by; None where they are not.
    """

    numbers: list[int]
    captions: list[str]
    tokens_NL: Tensor
    drawn: Drawn
    score_R: Tensor | None

    @property
    def num_each(self) -> int:
        return len(self.drawn.codes_RP) // len(self.numbers)

    @property
    def first(self) -> Drawn:
        """The first drawing of each caption."""
        return self.drawn.select(torch.arange(0, len(self.drawn.codes_RP), self.num_each))


def measure_drawings(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    datamodule: CaptionDataModule,
    split: CaptionSplit,
    drawing: Drawing,
    *,
    num: int,
    ranker: DrawingRanker | None,
    frequencies: DocumentFrequencies | None,
    max_length: int,
    batch_size: int,
    num_shown: int,
    seed: int,
) -> DrawnReferences:
    """Draw the longest reference of each image, which tells most of it, and look at the first drawing.

    Args:
        captioner: The model; it can draw.
        batches: The images, encoded.
        datamodule: The data set, which may know what pictures show.
        split: Where the images are from.
        drawing: How they are drawn.
        num: Drawings of each caption.
        ranker: Which of them comes first; None for the first that was drawn.
        frequencies: Document frequencies of CIDEr-D; None for those of these images' references.
        max_length: Most tokens of a caption of a drawing.
        batch_size: Drawings at once.
        num_shown: Images that are shown.
        seed: Of all that is drawn.
    """
    drawings = _draw(captioner, batches, split, drawing, num=num, ranker=ranker, batch_size=batch_size, seed=seed)
    first_NPD = captioner.features_of_codes(drawings.first.codes_RP.to(captioner.device))
    recaptions = _greedy_captions(captioner, first_NPD, max_length, batch_size)
    scores = _facts(drawings, datamodule, split) | _recaptioned(drawings, recaptions, datamodule, split, frequencies)
    ranks = None
    if captioner.has_likelihood and len(drawings.numbers) > 1:
        own_N = range(len(drawings.numbers))
        originals_NPD = torch.cat([batch.features_BPD for batch in batches])
        scores |= _named("retrieval", retrieval(_likelihoods(captioner, originals_NPD, drawings).numpy(), own_N))
        score_NN = _likelihoods(captioner, first_NPD, drawings).numpy()
        scores |= _named("cycle", retrieval(score_NN, own_N))
        ranks = true_ranks(score_NN, own_N).tolist()
    originals_NP = torch.cat([captioner.codes_of(batch.images_BCHW) for batch in batches]).cpu()
    scores |= _usage("codes", originals_NP, captioner) | _usage("drawn_codes", drawings.first.codes_RP, captioner)
    images = torch.cat([batch.images_BCHW[: num_shown or 0] for batch in batches])[:num_shown]
    return DrawnReferences(scores, _shown(drawings, images.cpu(), recaptions, ranks, split), _notes(drawings, ranker))


def _draw(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    split: CaptionSplit,
    drawing: Drawing,
    *,
    num: int,
    ranker: DrawingRanker | None,
    batch_size: int,
    seed: int,
) -> _Drawings:
    numbers = [number for batch in batches for number in batch.numbers]
    captions = [_longest(captioner, split.captions[number]) for number in numbers]
    with progress_bar(total=num * len(captions), desc="drawings", unit="image") as progress:
        drawn = draw_each(
            captioner, captions, drawing, num=num, seed=seed, batch_size=batch_size, advance=progress.update
        )
    score_R = None
    if ranker is not None:
        drawn, score_R = best_drawings_first(drawn, ranker(captioner, captions, drawn), len(captions))
    tokens_NL = captioner.tokenizer.tokens_after_prefix(captions)
    return _Drawings(numbers, captions, tokens_NL, drawn, score_R)


def _longest(captioner: CaptioningModule, references: Sequence[str]) -> str:
    """Return the reference of the most tokens, the first of those."""
    lengths = [len(ids) for ids in captioner.tokenizer.encode_batch(references)]
    return references[lengths.index(max(lengths))]


def _facts(drawings: _Drawings, datamodule: CaptionDataModule, split: CaptionSplit) -> dict[str, float]:
    """Return what the drawings show, by name; nothing where the data set cannot tell."""
    pictures = datamodule.read_back(drawings.drawn.images_RCHW)
    if pictures is None:
        return {}
    ids, num = [split.image_ids[number] for number in drawings.numbers], drawings.num_each
    of_first = DrawingFacts()
    of_first.update(pictures[::num], torch.tensor(ids), drawings.captions)
    results = {name: value.item() for name, value in of_first.compute().items()}
    found = [picture.compare(image_id) for picture, image_id in zip(pictures[::num], ids, strict=True)]
    results |= {
        f"drawing_distance/{attribute.name}": marginal_distance(found, attribute)
        for attribute in datamodule.fact_attributes()
    }
    if num > 1:
        ids_R = [image_id for image_id in ids for _ in range(num)]
        recall_R = [picture.compare(image_id).recall for picture, image_id in zip(pictures, ids_R, strict=True)]
        recall_NM = torch.tensor(recall_R, dtype=torch.float64).view(-1, num)
        results |= {
            "drawing_facts_mean": recall_NM.mean().item(),
            "drawing_facts_oracle": recall_NM.amax(dim=1).mean().item(),
        }
    return results


def _greedy_captions(captioner: CaptioningModule, features_NPD: Tensor, max_length: int, batch_size: int) -> list[str]:
    strategy = Greedy(max_length=max_length)
    parts = (captioner.generate(part_BPD, strategy).captions for part_BPD in features_NPD.split(batch_size))
    return [captions[0] for part in parts for captions in part]


def _recaptioned(
    drawings: _Drawings,
    recaptions: Sequence[str],
    datamodule: CaptionDataModule,
    split: CaptionSplit,
    frequencies: DocumentFrequencies | None,
) -> dict[str, float]:
    """Return how well captions of the drawings are captions of the original images."""
    images = [
        ImageCaptions(split.image_ids[number], [caption], list(split.captions[number]))
        for number, caption in zip(drawings.numbers, recaptions, strict=True)
    ]
    cider_d = [float(scores[0]) for scores in cider_d_of_each(images, frequencies)]
    results = {"cycle/CIDEr-D": sum(cider_d) / len(cider_d)}
    truths = [datamodule.is_true(image.candidates[0], image.image_id) for image in images]
    known = [truth for truth in truths if truth is not None]
    return results | ({"cycle/caption_truth": sum(known) / len(known)} if known else {})


def _likelihoods(captioner: CaptioningModule, features_NPD: Tensor, drawings: _Drawings) -> Tensor:
    """Return log P(caption | image) of each caption given each image: [N, N], on the CPU."""
    tokens_NL = drawings.tokens_NL.to(captioner.device)
    generators = generators_of_images(0, range(len(features_NPD)), "likelihood")
    return captioner.log_likelihood(features_NPD, tokens_NL, 1, generators).cpu()


def _usage(prefix: str, codes_NP: Tensor, captioner: CaptioningModule) -> dict[str, float]:
    figures = code_figures(codes_NP, captioner.num_codes).named()
    return _named(prefix, {name: value.item() for name, value in figures.items()})


def _named(prefix: str, results: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}/{name}": value for name, value in results.items()}


def _notes(drawings: _Drawings, ranker: DrawingRanker | None) -> list[str]:
    num, each = len(drawings.numbers), drawings.num_each
    which = (
        "" if each == 1 else f", {each} of each, the first {'drawn' if ranker is None else 'ranked'} of which counts"
    )
    return [
        f"drawings are of the longest reference of each of the first {num:,} images{which}; retrieval/ and cycle/ are "
        f"among these, by log P(caption | image), of the images themselves and of their drawings: a model that tells "
        f"nothing apart has rank {num:,}"
    ]


def _shown(
    drawings: _Drawings,
    images_N3HW: Tensor,
    recaptions: Sequence[str],
    ranks: Sequence[int] | None,
    split: CaptionSplit,
) -> list[DrawnImage]:
    num, drawn = drawings.num_each, drawings.drawn
    shown = []
    for place, image_3HW in enumerate(images_N3HW):
        pictures = [
            DrawnPicture(
                drawn.images_RCHW[row],
                drawn.log_probability_R[row].item(),
                None if drawings.score_R is None else drawings.score_R[row].item(),
            )
            for row in range(place * num, (place + 1) * num)
        ]
        name = str(split.image_names[drawings.numbers[place]])
        rank = None if ranks is None else ranks[place]
        shown.append(DrawnImage(name, image_3HW, drawings.captions[place], pictures, recaptions[place], rank))
    return shown
