"""Flickr8k from its original files, or as Kaggle has them."""

from collections.abc import Mapping

from datamodules.flickr8k.layout import find_files
from datamodules.image_files.image_folder import ImageFolder
from datamodules.images import ImagesDataModule
from datamodules.images.source import Source


class Flickr8kDataModule(ImagesDataModule):
    """Serves Flickr8k, each image with its captions: knows where its files lie, and is `ImagesDataModule` beyond that.

    The root holds `Flicker8k_Dataset/`, `Flickr8k.token.txt` and the lists of images of each split; or `Images/` and
    `captions.txt`, without lists. `split="official"` stands for the published lists.
    """

    @property
    def source(self) -> str:
        return "flickr8k" if super().source == "images" else super().source

    def find_files(self) -> tuple[Source, ImageFolder]:
        """Return the paths of the data set's parts.

        Raises:
            ValueError: The folder is not there, or lacks a part.
        """
        if self.images is not None or self.annotations is not None or isinstance(self.split, Mapping):
            return super().find_files()
        files = find_files(self.root, with_splits=isinstance(self.split, str))
        return Source(files.images, files.captions, files.split_files), ImageFolder(files.images)
