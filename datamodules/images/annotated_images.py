"""Images with their captions from all files of a data set, each by one name."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from datamodules.annotations import ReferenceImage, References, read_references
from datamodules.annotations.columns import Columns
from datamodules.annotations.image_list import read_image_names
from datamodules.annotations.image_lookup import FOLDERS, ImageLookup
from datamodules.annotations.normalisation import normalised
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.sidecars import sidecar_images
from datamodules.image_files.bad_data import BadData
from datamodules.image_files.formats import IMAGE_SUFFIXES
from datamodules.image_files.image_folder import ImageFolder, is_hidden, suffix_of
from datamodules.images.source import Source
from datamodules.split import SplitName

log = logging.getLogger(__name__)

NAMES_OF_SPLITS: Mapping[str, SplitName] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
RESTVAL = "restval"  # Karpathy's: images of COCO's validation that most train on
LARGEST_NUMBER = 2**63 - 1


class AnnotatedImages:
    """Images with their captions, each by a name of its own: the most exact one that the files have for it.

    Attributes:
        captions: Of each image, normalised; none where all were empty.
        split_of: The split that the files put an image into; images that they put nowhere are not there.
        other_splits: How many images belong to splits of other names.
        num_rejected: How many captions were left out, for the annotators rejected them.
        formats: What the files are, for the log.
        within: For images of files that lie in a subfolder of the image folder: that subfolder.
    """

    def __init__(self) -> None:
        self.captions: dict[str, list[str]] = {}
        self.split_of: dict[str, SplitName] = {}
        self.other_splits: Counter[str] = Counter()
        self.num_rejected = 0
        self.formats: list[str] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self.within: dict[str, str] = {}
        self._files: list[References] = []
        self._listed: dict[str, str] = {}

    def add(self, images: Sequence[ReferenceImage], split: SplitName | None, bad: BadData, *, restval: bool) -> None:
        """Take images in; of a split, or each of the one that it names itself."""
        for image in images:
            name = image.names[-1]
            if name in self.captions:
                bad.add("images listed more than once", f"{name} in {split}")
                continue
            texts = [normalised(caption) for caption in image.captions]
            for number, caption in enumerate(texts):
                if not caption:
                    bad.add("empty captions", f"{name}#{number}")
            self.captions[name], self._names[name] = [caption for caption in texts if caption], image.names
            self.num_rejected += len(image.rejected)
            self._assign(name, split or image.split, restval=restval)

    def _assign(self, name: str, split: str | None, *, restval: bool) -> None:
        if split is None:
            return
        known = "train" if restval and split == RESTVAL else NAMES_OF_SPLITS.get(split.lower())
        if known is None:
            self.other_splits[split] += 1
        else:
            self.split_of[name] = known

    def add_file(
        self, path: Path, split: SplitName | None, columns: Columns, bad: BadData, *, restval: bool, images: Path
    ) -> None:
        """Read a file of captions, and take its images in; their names may begin in the file's own folder."""
        references = read_references(path, columns=columns, problems=bad)
        self._files.append(references)
        self.add(references.images, split, bad, restval=restval)
        if path.parent != images and path.parent.is_relative_to(images):
            folder = f"{path.parent.relative_to(images).as_posix()}/"
            self.within |= dict.fromkeys((image.names[-1] for image in references.images), folder)
        num = sum(len(image.captions) for image in references.images)
        self.formats.append(f"{path.name}: {references.format}, {len(references.images):,} images, {num:,} captions")

    def place_of(self, name: str) -> str:
        """Return the file and the row that name an image, for errors; "" for none."""
        for references in self._files:
            for number, image in enumerate(references.images):
                if name == image.names[-1]:
                    return references.place_of(number)
        return self._listed.get(name, "")

    def refuse_paths(self, folder: Path) -> None:
        """Refuse names that lead out of the image folder.

        Raises:
            ValueError: There is one.
        """
        for name in (*self._names, *self._listed):
            if leads_out(name, folder):
                place = self._listed.get(name) or self.place_of(name)
                raise ValueError(
                    f"{place}: expected the name of a file in the image folder, got {name!r}, which is a path; correct "
                    f"or remove the line"
                )

    def listed(self, path: Path) -> list[str]:
        """Return the images that a list means; names that the captions do not have stay as they are."""
        lookup = ImageLookup([ReferenceImage(known, []) for known in self._names.values()])
        known = [*self._names]
        found = []
        for line, name in read_image_names(path):
            number = lookup.exact(name)
            number = lookup.loose(name) if number is None else number
            found.append(name if number is None else known[number])
            if number is None:
                self._listed.setdefault(name, f"{path}, line {line}")
        return found

    def numbers(self) -> dict[str, int]:
        """Return a number for each image: its own where all have one, otherwise its place in the order of names."""
        own = {name: names[0] for name, names in self._names.items()}
        if len({*own.values()}) == len(own) and all(_is_number(number) for number in own.values()):
            return {name: int(number) for name, number in own.items()}
        return {name: number for number, name in enumerate(sorted(self._names))}

    def shown_names(self) -> dict[str, str | int]:
        """Return what outputs call each image: as the files do, by its number where it has one."""
        own = {name: names[0] for name, names in self._names.items()}
        if len({*own.values()}) < len(own):  # two files number other images alike
            return {name: name for name in self._names}
        return {name: int(first) if _is_number(first) else first for name, first in own.items()}


def leads_out(name: str, folder: Path) -> bool:
    """Return whether the name of an image is a path that leads out of the image folder."""
    if name.startswith(("/", "\\")):
        return not name.startswith(f"{folder.absolute()}/") or ".." in FOLDERS.split(name)
    return "\0" in name or name == "." or (".." in name and ".." in FOLDERS.split(name))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) <= LARGEST_NUMBER


def read_annotated(
    source: Source, folder: ImageFolder, columns: Columns, bad: BadData, *, restval: bool
) -> AnnotatedImages:
    """Read all files of captions, and note what cannot be used.

    Args:
        source: Where they are.
        folder: The images, beside which captions may lie.
        columns: Which columns hold what.
        bad: Rows and captions that cannot be used are added.
        restval: Whether Karpathy's `restval` images are training images.

    Raises:
        ValueError: A file is none of captions.
    """
    annotated = AnnotatedImages()
    if source.annotations is None:
        beside = captions_beside(folder, LeftOut(bad, f"{folder.folder}/"))
        annotated.add(beside, None, bad, restval=restval)
        num = sum(len(image.captions) for image in beside)
        annotated.formats.append(f"captions beside each image, {len(beside):,} images, {num:,} captions")
        return annotated
    files = source.annotations if isinstance(source.annotations, Mapping) else {None: source.annotations}
    for split, path in files.items():
        annotated.add_file(path, split, columns, bad, restval=restval, images=source.images)
    return annotated


def captions_beside(folder: ImageFolder, left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return the images of a folder with the captions beside them; their split is their first folder, if it names one.

    Raises:
        ValueError: As `sidecar_images`.
    """
    pictures = [name for name in folder.files if suffix_of(name) in IMAGE_SUFFIXES and not is_hidden(name)]
    images = sidecar_images(pictures, folder.files, left_out)
    return [image if _is_split(image) else image._replace(split=None) for image in images]


def _is_split(image: ReferenceImage) -> bool:
    return image.split is not None and image.split.lower() in NAMES_OF_SPLITS
