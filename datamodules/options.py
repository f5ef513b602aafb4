"""The options that every data set of files takes, each said once."""

from pathlib import Path
from typing import Required, TypedDict

from datamodules.image_files.bad_data import OnBadData
from datamodules.tokenizers import TokenizerFitter
from datamodules.transformed_view import Transform


class CommonOptions(TypedDict, total=False):
    """What a data set hands on to `CaptionDataModule`, which has the defaults.

    Attributes:
        tokenizer: Fits a tokenizer on the training captions (see `datamodules.tokenizers`); None where the splits alone
            are asked for.
        image_size: Height and width in pixels: the shorter side is resized to it and the centre square kept.
        batch_size: Images a batch on each process.
        captions_per_image: Captions of each image in a training batch, drawn at random; None for all.
        include_longest_caption: Whether the longest caption of an image is always among them: the one that the image is
            reconstructed from.
        num_workers: Processes that load images, with one thread each; 0 loads in the training process.
        on_bad_data: What becomes of captions and images that cannot be used, also of an image that can no longer be
            read: `error` to stop, `skip` to leave them out.
        train_transform: Changes training images at random ([3, size, size], `uint8`, to the same); a mirrored image
            makes captions with "left" and "right" untrue.
        cache_features: Whether a frozen encoder sees each image once, before training, and its features are kept.
        cached_views: Of each training image with `cache_features`: the image as it is, and others that
            `train_transform` changed, each in its own way; training draws one of them.
        cache_dir: Folder for what is computed once (fitted tokenizers, drawn or checked images, features).
        look: Whether `train.py` shows the data and ends, without training.
    """

    tokenizer: Required[TokenizerFitter | None]
    image_size: int
    batch_size: int
    captions_per_image: int | None
    include_longest_caption: bool
    num_workers: int
    on_bad_data: OnBadData
    train_transform: Transform | None
    cache_features: bool
    cached_views: int
    cache_dir: str | Path
    look: bool
