"""Flickr8k from its original files."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from datamodules.caption_datamodule import SPLIT_NAMES, CaptionDataModule, SplitName
from datamodules.flickr8k.annotations import read_captions, read_image_names
from datamodules.flickr8k.layout import Flickr8kFiles, find_files
from datamodules.image_files.bad_data import BadData, OnBadData
from datamodules.image_files.image_check import check_images
from datamodules.image_files.image_file_split import Flickr8kSplit
from datamodules.image_files.image_folder import files_by_name, name_of, without_captions
from datamodules.image_files.selection import broken_links, drop_repeats, links_of, links_outside, select_usable
from datamodules.random_split import check_proportions, split_by_proportion
from datamodules.split import CaptionSplit
from datamodules.tokenizers import TokenizerFitter
from datamodules.transformed_view import Transform, TransformedView, check_views

log = logging.getLogger(__name__)


class Flickr8kDataModule(CaptionDataModule):
    """Serves Flickr8k, each image with its captions.

    Before training every image in use is decoded once and every caption looked at. What cannot be used is counted
    and named, and is an error or is left out; it is never replaced by something else.

    Args:
        root: The folder with `Flicker8k_Dataset/`, `Flickr8k.token.txt` and the lists of images of each split.
        tokenizer: Fits a tokenizer on the training captions.
        split: `official` for the published lists, or the proportions of train, val and test of a random split.
        split_seed: Of the random split; not the run's, so that runs of several seeds are tested on the same images.
        on_bad_data: `error` to stop at captions or images that cannot be used, at once or when they are read, `skip` to
            leave them out.
        follow_links: Whether images may be links to files anywhere; otherwise their targets have to be in the root.
        train_transform: Changes training images at random ([3, size, size], `uint8`, to the same); a mirrored image
            makes captions with "left" and "right" untrue.
        image_size: Height and width in pixels: the shorter side is resized to it and the centre square kept.
        batch_size: Images a batch on each process.
        captions_per_image: Captions of each image in a training batch, drawn at random; None for all.
        include_longest_caption: Whether the longest caption of an image is always among the drawn ones.
        num_workers: Processes that load images, with one thread each; 0 loads in the training process.
        cache_features: Whether a frozen encoder sees each image once, before training, and its features are kept.
        cached_views: Of each training image with `cache_features`: the image as it is, and others that
            `train_transform` changed, each in its own way; training draws one of them.
        cache_dir: Folder for the fitted tokenizer and the outcome of the image check.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        tokenizer: TokenizerFitter | None,
        split: str | Sequence[float] = "official",
        split_seed: int = 42,
        on_bad_data: OnBadData = "error",
        follow_links: bool = False,
        train_transform: Transform | None = None,
        image_size: int = 224,
        batch_size: int = 64,
        captions_per_image: int | None = 5,
        include_longest_caption: bool = False,
        num_workers: int = 2,
        cache_features: bool = False,
        cached_views: int = 1,
        cache_dir: str | Path = ".cache",
    ) -> None:
        super().__init__(
            tokenizer=tokenizer,
            image_size=image_size,
            batch_size=batch_size,
            captions_per_image=captions_per_image,
            include_longest_caption=include_longest_caption,
            num_workers=num_workers,
            on_bad_data=on_bad_data,
            cache_features=cache_features,
            cache_dir=cache_dir,
        )
        if isinstance(split, str) and split != "official":
            raise ValueError(f"data.split must be 'official' or proportions such as [0.8, 0.1, 0.1], got {split!r}")
        if not isinstance(split, str):
            check_proportions(split)
        check_views(cached_views, cache_features=cache_features, has_transform=train_transform is not None)
        self.root = Path(root).expanduser()
        self.split = split
        self.split_seed = split_seed
        self.follow_links = follow_links
        self.train_transform = train_transform
        self.cached_views = cached_views

    def prepare_data(self) -> None:
        """Check every caption and image once, before the other processes read the outcome.

        The trainer calls it before the test as well: an image that went bad since is found when it is read.
        """
        if not self.splits:
            self.load_splits()

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        """Return the splits without what cannot be used.

        Raises:
            ValueError: A part of the data set is missing, or holds bad data that is not to be skipped.
        """
        bad = BadData()
        files = find_files(self.root, with_splits=isinstance(self.split, str))
        captions = read_captions(files.captions, bad)
        present = files_by_name(files.images)
        images_of_split, file_keys = self._usable_images(files, captions, present, bad)
        bad.settle(self.on_bad_data, root=self.root, report=self._cache / "bad_data.json")
        self._refuse_empty(images_of_split, files, bad)

        number_of_image = {image: number for number, image in enumerate(sorted(captions))}
        return {
            name: Flickr8kSplit(
                paths=[present[image] for image in images],
                image_ids=[number_of_image[image] for image in images],
                captions=[captions[image] for image in images],
                file_keys=[file_keys[image] for image in images],
                image_size=self.image_size,
                transform=self.train_transform if name == "train" and not self.cache_features else None,
            )
            for name, images in images_of_split.items()
        }

    def views(self, name: SplitName) -> list[CaptionSplit]:
        split = self.splits[name]
        if name != "train" or self.train_transform is None:
            return [split]
        others = range(1, self.cached_views)
        return [split, *(TransformedView(split=split, transform=self.train_transform, number=n) for n in others)]

    def _usable_images(
        self,
        files: Flickr8kFiles,
        captions: Mapping[str, Sequence[str]],
        present: Mapping[str, Path],
        bad: BadData,
    ) -> tuple[dict[SplitName, list[str]], Mapping[str, tuple[int, int]]]:
        """Return the images of each split, and what each image is known by."""
        selected = self._selected_images(files, captions, present, bad)
        links = links_of(present)
        broken, outside = broken_links(links), set() if self.follow_links else links_outside(links, self.root)
        select = partial(
            select_usable, captions=captions, present=present.keys(), outside=outside, broken=broken, bad=bad
        )
        usable = {name: select(images) for name, images in selected.items()}
        paths = [present[image] for images in usable.values() for image in images]
        check = check_images(paths, cache_dir=self._cache)
        unreadable = {name_of(path): check.unreadable[path.name] for path in paths if path.name in check.unreadable}
        keys = {name_of(path): check.keys[path.name] for path in paths if path.name in check.keys}
        for image, reason in unreadable.items():
            bad.add("images that cannot be read", f"{image}: {reason}")
        return {name: [image for image in images if image in keys] for name, images in usable.items()}, keys

    def _selected_images(
        self, files: Flickr8kFiles, captions: Mapping[str, Sequence[str]], present: Mapping[str, Path], bad: BadData
    ) -> dict[SplitName, list[str]]:
        """Split before anything is left out: an image that goes bad must not send the others to other splits."""
        if not isinstance(self.split, str):
            for image in without_captions(present, captions):
                bad.add("images without captions", image)
            return dict(zip(SPLIT_NAMES, split_by_proportion(captions, self.split, self.split_seed), strict=True))
        lists = {name: read_image_names(files.split_files[name]) for name in SPLIT_NAMES}
        selected = drop_repeats(lists, bad)
        unused = captions.keys() - {image for images in selected.values() for image in images}
        log.info("%d images with captions belong to no official split", len(unused))
        return selected

    def _refuse_empty(
        self, images_of_split: Mapping[SplitName, Sequence[str]], files: Flickr8kFiles, bad: BadData
    ) -> None:
        """Raise a `ValueError` that says why where a split has no image left."""
        for name, images in images_of_split.items():
            if not images and bad.names_of_kind:
                raise ValueError(f"data.root={self.root}: no image of the {name} split can be used; left out: {bad}")
            if not images and name in files.split_files:
                raise ValueError(f"{files.split_files[name]}: expected the names of images, got none; write them there")

    @property
    def _cache(self) -> Path:
        return self.cache_dir / "flickr8k"
