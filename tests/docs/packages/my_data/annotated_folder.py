from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Unpack

from datamodules.annotations import read_references
from datamodules.caption_datamodule import SPLIT_NAMES, CaptionDataModule
from datamodules.image_files.image_check import check_images
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.options import CommonOptions
from datamodules.random_split import split_by_proportion
from datamodules.split import CaptionSplit, SplitName


class AnnotatedFolder(CaptionDataModule):
    """A folder of images with one file of captions: COCO's, Karpathy's, CSV, or another that `score.py` reads."""

    def __init__(
        self,
        *,
        images: str,
        annotations: str,
        split: Sequence[float],
        split_seed: int,
        **options: Unpack[CommonOptions],
    ) -> None:
        super().__init__(**options)
        self.images, self.annotations = Path(images), Path(annotations)
        self.split, self.split_seed = split, split_seed

    def prepare_data(self) -> None:
        """Look at every image once, before other processes read the outcome from the cache."""
        self.load_splits()

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        captioned = [image for image in read_references(self.annotations).images if image.captions]
        captions = {PurePosixPath(image.names[-1]).name: image.captions for image in captioned}
        missing = [name for name in captions if not (self.images / name).is_file()]
        if missing:
            raise ValueError(f"data.images={self.images}: expected all images of data.annotations, lacks {missing[0]}")
        names = sorted(captions)
        number = {name: i for i, name in enumerate(names)}
        paths = {name: str(self.images / name) for name in names}
        check = check_images([*paths.values()], folder=self.images, cache_dir=self.cache_dir / "my_data")
        if check.unreadable:
            raise ValueError(f"data.images={self.images}: cannot read {check.unreadable}")
        return {
            split: ImageFileSplit(
                paths=[paths[name] for name in chosen],
                image_ids=[number[name] for name in chosen],
                captions=[captions[name] for name in chosen],
                file_keys=[check.keys[paths[name]] for name in chosen],
                image_size=self.image_size,
            )
            for split, chosen in zip(SPLIT_NAMES, split_by_proportion(names, self.split, self.split_seed), strict=True)
        }
