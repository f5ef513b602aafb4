"""Results and references brought together, image by image."""

from typing import NamedTuple

from datamodules.annotations.fields import listed
from datamodules.annotations.image_lookup import ImageLookup
from datamodules.annotations.references import References
from evaluation.score_file.results import Results
from metrics.caption_metric import ImageCaptions

Captions = dict[int, list[str]]
"""Candidate captions by the position of their image among the references."""


class Match(NamedTuple):
    """What is scored, and what is not.

    Attributes:
        images: The images to score, in the order of the references; `image_id` is the image's place there, from 0.
        splits: The parts of the data set that are scored; empty where the references know of none.
        images_without_result: Images with references that are left out because they have no result.
        images_without_references: Images that are left out because they have no references.
        captions_left_out: Candidates beyond the first `num`.
        images_with_rejected_alone: Images with a result that are left out because all of their references were
            rejected.
        images_found_by_part_of_name: Images that the results call by another name than the references (`ImageLookup`).
    """

    images: list[ImageCaptions]
    splits: list[str]
    images_without_result: int
    images_without_references: int
    captions_left_out: int
    images_with_rejected_alone: int = 0
    images_found_by_part_of_name: int = 0


def match(
    results: Results,
    references: References,
    *,
    split: str | None = None,
    subset: bool = False,
    num: int | None = None,
) -> Match:
    """Give each image of the references its candidates.

    Args:
        results: Captions to score. Every one must be of an image that the references know.
        references: The human captions.
        split: The part of the data set to score. None for the part, or parts, that the results' images are of.
        subset: Whether images without a result are left out; otherwise there must be none.
        num: How many candidates of each image to score, the first ones; None for all, of which there must then be as
            many for each image: diversity depends on how many captions are compared.

    Raises:
        ValueError: An image has a result but no references, or references but no result, belongs to another split, or
            has too few candidates or other than the rest.
    """
    captions, num_loose = _by_image(results, references)
    rejected = [i for i in captions if not references.images[i].captions and references.images[i].rejected]
    for i in rejected if len(rejected) < len(captions) else []:
        del captions[i]
    chosen = _of_splits(captions, results, references, split)
    without_result, without_references = _check_both_there(captions, chosen, results, references, subset=subset)
    left_out = _keep_first(captions, results, references, num)
    images = [(i, references.images[i]) for i in sorted(captions)]
    return Match(
        [ImageCaptions(i, captions[i], image.captions) for i, image in images],
        sorted({image.split for _, image in images if image.split is not None}),
        without_result,
        without_references - len(rejected),
        left_out,
        len(rejected),
        num_loose,
    )


def _by_image(results: Results, references: References) -> tuple[Captions, int]:
    """Return the captions of each image, and how many images were found by a part of their name alone."""
    image_of_name, loose = _find(results, references)
    captions: Captions = {}
    for row in results.rows:
        captions.setdefault(image_of_name[row.image], []).append(row.caption)
    return captions, len(loose)


def _find(results: Results, references: References) -> tuple[dict[str, int], dict[int, str]]:
    """Return the image of each of the results' names, and the names of those that were found by a part of it."""
    lookup = ImageLookup(references.images)
    image_of_name: dict[str, int] = {}
    loose: dict[int, str] = {}
    unknown: list[str] = []
    for name in dict.fromkeys(row.image for row in results.rows):
        exact = lookup.exact(name)
        image = lookup.loose(name) if exact is None else exact
        if image is None:
            unknown.append(name)
            continue
        if exact is None and loose.setdefault(image, name) != name:
            raise ValueError(
                f"{results.file.path}: expected one name for each image, got {loose[image]!r} and {name!r}, which may "
                f"both be {references.images[image].names[-1]!r} of {references.file.path}; write the names as there"
            )
        image_of_name[name] = image
    if unknown:
        known = " or ".join(repr(name) for name in references.images[0].names)
        raise ValueError(
            f"{results.file.path}: expected images of {references.file.path}, which calls its first {known}; got "
            f"{len(unknown)} that it does not have ({listed(unknown)}); rename or remove them"
        )
    return image_of_name, loose


def _of_splits(captions: Captions, results: Results, references: References, split: str | None) -> list[int]:
    images = references.images
    splits = {images[i].split for i in captions} if split is None else {split}
    chosen = [i for i, image in enumerate(images) if image.split in splits]
    if not chosen:
        there = listed(sorted({image.split for image in images if image.split is not None}))
        raise ValueError(f"--split {split}: expected a split of {references.file.path}, which has {there}; change it")
    others = sorted(set(captions) - set(chosen))
    if others:
        raise ValueError(
            f"{results.file.path}: expected images of the split {split!r} alone, got captions of "
            f"{_named(others, references)} of other splits; remove their rows, or leave --split out"
        )
    return chosen


def _check_both_there(
    captions: Captions, chosen: list[int], results: Results, references: References, *, subset: bool
) -> tuple[int, int]:
    """Return how many images have no result, and how many no references; refuse those that are to be scored."""
    without_references = [i for i in chosen if not references.images[i].captions]
    captioned = [i for i in without_references if i in captions]
    if captioned:
        raise ValueError(
            f"{results.file.path}: expected images with references, got captions of {_named(captioned, references)} "
            f"that have none in {references.file.path}; remove their rows, or add references"
        )
    without_result = [i for i in chosen if i not in captions and references.images[i].captions]
    if without_result and not subset:
        raise ValueError(
            f"{results.file.path}: expected captions of all {len(chosen) - len(without_references)} images, got none "
            f"of {_named(without_result, references)}; add them, or score only the images that have some with --subset"
        )
    return len(without_result), len(without_references)


def _keep_first(captions: Captions, results: Results, references: References, num: int | None) -> int:
    """Cut the candidates of each image to `num`, and return how many are left out."""
    fewest, most = min(map(len, captions.values())), max(map(len, captions.values()))
    if num is None and fewest < most:
        fewer = [i for i in sorted(captions) if len(captions[i]) < most]
        raise ValueError(
            f"{results.file.path}: expected as many captions of each image, got {fewest} to {most}, fewer than {most} "
            f"of {_named(fewer, references)}; add the missing ones, or score the first {fewest} with --num {fewest}"
        )
    num_asked = most if num is None else num
    if not 1 <= num_asked <= fewest:
        raise ValueError(
            f"--num {num}: expected 1 to {fewest}, the fewest captions of an image in {results.file.path}; change it"
        )
    left_out = sum(len(of_image) - num_asked for of_image in captions.values())
    captions.update({i: of_image[:num_asked] for i, of_image in captions.items()})
    return left_out


def _named(positions: list[int], references: References) -> str:
    """Return how many images there are and the names of the first."""
    return f"{len(positions)} ({listed([references.images[i].names[-1] for i in positions])})"
