"""Captioned images in files: a folder of images, and captions in any of the field's formats."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from datamodules.caption_datamodule import SPLIT_NAMES, SplitName
from datamodules.checked_datamodule import CheckedDataModule
from datamodules.column_files import ABOUT
from datamodules.image_files.bad_data import BadData
from datamodules.image_files.file_states import states_of
from datamodules.image_files.image_check import ImageCheck, check_images
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.image_files.image_folder import ImageFolder, without_captions
from datamodules.image_files.image_table import ImageTable, write_table
from datamodules.image_files.selection import UsableImages, drop_repeats, keep_together
from datamodules.images.annotated_images import AnnotatedImages, read_annotated
from datamodules.images.settings import USUAL_NAMES, columns_of
from datamodules.images.source import Source, source_of
from datamodules.options import CommonOptions
from datamodules.random_split import proportions_of, split_by_proportion
from datamodules.split import CaptionSplit
from datamodules.statistics import as_text, rows_of, unusable_lines
from utils.cache_key import cache_key, reader_version, sources_of

log = logging.getLogger(__name__)

MANY = 50_000  # captions, a second of work: splits with so many are kept
LISTS = ", or lists of images such as {train: train.txt, val: val.txt, test: test.txt}"


class ImagesDataModule(CheckedDataModule):
    """Serves a folder of images, each image with its captions.

    Args:
        root: The folder that holds everything; all other paths begin there.
        images: The folder of images, whose subfolders count; None for the root.
        annotations: The file of captions, or one for each split; its format is recognised by its content (see
            `datamodules.annotations.read_references`). None for captions beside each image (`name.jpg`, `name.txt`), or
            for the only file of captions in the root.
        columns: The names of the columns `image`, `captions` (one or a list) and `split` of tables and JSON Lines; what
            is None or left out is found by its usual names.
        split: `official` for what the files say, a list of images for each split, or the proportions of train, val and
            test of a random split, which copies of an image do not divide.
        split_seed: Of the random split; not the run's, so that runs of several seeds are tested on the same images.
        restval: Whether Karpathy's `restval` images are training images; otherwise they are left out.
        test_from_val: Share of the validation images that are the test split, drawn by `split_seed`, where the files
            have no test split with captions; None leaves the splits as they are.
        name: Of the data set, in reports, checkpoints and the cache.
        follow_links: Whether images may be links to files anywhere; otherwise their targets have to be in the root.
        options: See `CommonOptions`.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        images: str | None = None,
        annotations: str | Mapping[str, str | None] | None = None,
        columns: Mapping[str, str | Sequence[str] | None] = USUAL_NAMES,
        split: str | Sequence[float] | Mapping[str, str] = "official",
        split_seed: int = 42,
        restval: bool = True,
        test_from_val: float | None = None,
        name: str = "images",
        follow_links: bool = False,
        **options: Unpack[CommonOptions],
    ) -> None:
        super().__init__(**options)
        if test_from_val is not None and not 0 < test_from_val < 1:
            raise ValueError(f"data.test_from_val must be between 0 and 1 (or null for none), got {test_from_val}")
        self.root = Path(root).expanduser()
        self.images = images
        self.annotations = annotations
        self.columns = columns_of(columns)
        self.split = split
        self.proportions = None if isinstance(split, Mapping) else proportions_of(split, or_else=LISTS)
        self.split_seed = split_seed
        self.restval = restval
        self.test_from_val = test_from_val
        self._source = name
        self.follow_links = follow_links
        self._advice: dict[SplitName, str] = {}
        self._formats: list[str] = []

    @property
    def source(self) -> str:
        return self._source

    def find_files(self) -> tuple[Source, ImageFolder]:
        """Return where the images and captions are, and the image folder's files."""
        lists = self.split if isinstance(self.split, Mapping) else {}
        return source_of(self.root, self.images, self.annotations, lists, self.columns)

    def advice_on_empty(self, name: SplitName) -> str:
        return self._advice.get(name) or super().advice_on_empty(name)

    def _log_summary(self) -> None:
        """Tell the size of the data, and how much of the captions the tokenizer loses, in one table."""
        if self.look:  # the table is printed beside the page
            return
        rows = rows_of(self.figures(), self.tokenizer)
        log.info("data.root=%s:\n%s", self.root, as_text(rows, unusable_lines(self.unusable)))

    def read_splits(self) -> dict[SplitName, CaptionSplit]:
        """Return the splits without what cannot be used; those that the files do not have are empty.

        Where they have very many captions, they are read once, and mapped from the cache as long as no file changes.
        """
        folder = self.cache_dir / self.source / "splits" / self._key()
        if all((folder / name / ABOUT).exists() for name in SPLIT_NAMES):
            self._tell_again(ImageTable(folder / "train").about)
        else:
            bad = BadData()
            splits = self._read(bad)
            if sum(len(of_image) for split in splits.values() for of_image in split.captions) < MANY:
                return {**splits}
            found = {"formats": self._formats, "advice": self._advice, "unusable": bad.names_of_kind}
            for name, split in splits.items():
                write_table(folder / name, split, {**found, "places": bad.place_of_kind})
        return {name: ImageTable(folder / name).split(self.image_size) for name in SPLIT_NAMES}

    def _key(self) -> str:
        """Return a checksum of all files and settings that the splits follow from."""
        annotations = self.annotations.values() if isinstance(self.annotations, Mapping) else [self.annotations]
        lists = self.split.values() if isinstance(self.split, Mapping) else []
        named = [self.root / Path(path).expanduser() for path in (*annotations, *lists) if path]
        beside = [path for path in self.root.glob("*") if path.is_file()] if self.images else []
        return cache_key(
            files=states_of([self.root / (self.images or ""), *beside, *named], but=self.cache_dir),
            annotations=self.annotations,
            columns=self.columns,
            split=[self.split, self.split_seed, self.restval, self.test_from_val, self.follow_links],
            code=[type(self), sources_of(__name__), reader_version()],
        )

    def _tell_again(self, about: Mapping[str, Any]) -> None:
        """Tell what was found when the files were read."""
        self._formats, self._advice = about["formats"], about["advice"]
        self._log_formats()
        bad = BadData()
        bad.names_of_kind.update(about["unusable"])
        bad.place_of_kind.update(about["places"])
        self.settle(bad, root=self.root, folder=self.source)

    def _log_formats(self) -> None:
        for text in self._formats:
            log.info("data.root=%s: %s", self.root, text)

    def _read(self, bad: BadData) -> dict[SplitName, ImageFileSplit]:
        """Read and check all files; what cannot be used is added to `bad`."""
        files, folder = self.find_files()
        annotated = read_annotated(files, folder, self.columns, bad, restval=self.restval)
        self._formats = annotated.formats
        self._log_formats()
        if annotated.num_rejected:
            log.info("%d captions were left out, for their annotators rejected them", annotated.num_rejected)
        selected = self._selected_images(files, annotated, bad)
        annotated.refuse_paths(folder.folder)
        found = {
            image: folder.find(image, annotated.within.get(image, ""))
            for images in selected.values()
            for image in images
        }
        self._note_images_without_captions(files, annotated, folder, found, bad)
        usable = UsableImages(
            folder, found, annotated.captions,
            root=None if self.follow_links else self.root, place_of=annotated.place_of,
        )  # fmt: skip
        images_of_split = {name: usable.select(images, bad) for name, images in selected.items()}
        paths = {image: folder.files[found[image][0]] for images in images_of_split.values() for image in images}
        check = check_images([*paths.values()], folder=folder.folder, cache_dir=self.cache_dir / self.source)
        for image, path in paths.items():
            if path in check.unreadable:
                bad.add("images that cannot be read", f"{image}: {check.unreadable[path]}")
        readable = {
            name: [image for image in images if paths[image] in check.keys] for name, images in images_of_split.items()
        }
        if self.proportions is not None:
            pixels = {image: check.keys[path][1] for image, path in paths.items() if path in check.keys}
            readable = keep_together(readable, pixels)
        self.settle(bad, root=self.root, folder=self.source)
        self._refuse_empty(readable, files, annotated, bad)
        return self._splits(readable, paths, annotated, check)

    def _splits(
        self,
        images_of_split: Mapping[SplitName, Sequence[str]],
        paths: Mapping[str, str],
        annotated: AnnotatedImages,
        check: ImageCheck,
    ) -> dict[SplitName, ImageFileSplit]:
        numbers, names = annotated.numbers(), annotated.shown_names()
        return {
            name: ImageFileSplit(
                paths=[paths[image] for image in images],
                image_ids=[numbers[image] for image in images],
                captions=[annotated.captions[image] for image in images],
                file_keys=[check.keys[paths[image]] for image in images],
                image_size=self.image_size,
                names=[names[image] for image in images],
            )
            for name, images in images_of_split.items()
        }

    def _selected_images(self, files: Source, annotated: AnnotatedImages, bad: BadData) -> dict[SplitName, list[str]]:
        """Split before anything is left out: an image that goes bad must not send the others to other splits."""
        if self.proportions is not None:
            parts = split_by_proportion(annotated.captions, self.proportions, self.split_seed)
            return dict(zip(SPLIT_NAMES, parts, strict=True))
        if files.lists:
            lists = {name: annotated.listed(path) for name, path in files.lists.items()}
            selected = drop_repeats(lists, bad)
        else:
            selected = self._official_splits(annotated)
        used = {image for images in selected.values() for image in images}
        others = ", ".join(f"{num:,} of {name!r}" for name, num in annotated.other_splits.items())
        log.info(
            "%d images with captions belong to no official split%s",
            len(annotated.captions.keys() - used), f" ({others})" if others else "",
        )  # fmt: skip
        return {name: selected.get(name, []) for name in SPLIT_NAMES}

    def _official_splits(self, annotated: AnnotatedImages) -> dict[SplitName, list[str]]:
        """Return the images that the files put into each split.

        Raises:
            ValueError: They say nothing of splits.
        """
        if not annotated.split_of:
            raise ValueError(
                f"data.root={self.root}: expected captions that tell the split of their images, got none "
                f"({'; '.join(annotated.formats)}); set data.split=[0.8,0.1,0.1] for a random split, or name a list of "
                f"images for each"
            )
        selected: dict[SplitName, list[str]] = {name: [] for name in SPLIT_NAMES}
        for image, split in annotated.split_of.items():
            selected[split].append(image)
        if self.test_from_val is not None and not selected["test"]:
            share = [0, 1 - self.test_from_val, self.test_from_val]
            _, selected["val"], selected["test"] = split_by_proportion(selected["val"], share, self.split_seed)
        for name in SPLIT_NAMES:
            self._advice[name] = (
                f"the files ({'; '.join(annotated.formats)}) have no image of it; add them, or set "
                f"data.split=[0.8,0.1,0.1]"
            )
        return selected

    def _note_images_without_captions(
        self,
        files: Source,
        annotated: AnnotatedImages,
        folder: ImageFolder,
        found: Mapping[str, Sequence[str]],
        bad: BadData,
    ) -> None:
        """Add the pictures that no caption names, where all of the folder is to be split."""
        if files.annotations is None or self.proportions is None:
            return
        captioned = {file for image in annotated.captions for file in found.get(image, ())}
        for image in without_captions(folder.files, captioned):
            bad.add("images without captions", image)

    def _refuse_empty(
        self,
        images_of_split: Mapping[SplitName, Sequence[str]],
        files: Source,
        annotated: AnnotatedImages,
        bad: BadData,
    ) -> None:
        """Raise a `ValueError` that says why where a split has no image left."""
        named = {*annotated.split_of.values(), *files.lists}
        for name, images in images_of_split.items():
            if not images and bad.names_of_kind and (name in named or not isinstance(self.split, str)):
                raise ValueError(f"data.root={self.root}: no image of the {name} split can be used; left out: {bad}")
            if not images and name in files.lists:
                raise ValueError(f"{files.lists[name]}: expected the names of images, got none; write them there")
