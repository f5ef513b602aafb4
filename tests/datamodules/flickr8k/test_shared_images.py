"""One photo under two names, in two splits, is told of before training."""

import logging
import shutil

import pytest
from PIL import Image

from datamodules.shared_images import shared_images
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


def test_equal_files_and_equal_pixels_are_found(flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(flickr8k.image(0), flickr8k.image(10))
    with Image.open(flickr8k.image(1)) as image:
        image.save(flickr8k.image(11), format="PNG")
    shutil.copy(flickr8k.image(8), flickr8k.image(9))  # within a split: no figure is wrong
    shutil.copy(flickr8k.image(3), flickr8k.image(8))
    datamodule = flickr8k.datamodule()
    datamodule.prepare_data()
    with caplog.at_level(logging.WARNING):
        datamodule.setup()
    told = [record.message for record in caplog.records if "images are" in record.message]
    assert told == datamodule.shared
    assert [sentence.split("), which")[0] for sentence in told] == [
        "1 of the 2 val images are train images, too (8.jpg = 3.jpg",
        "2 of the 2 test images are train images, too (10.jpg = 0.jpg, 11.jpg = 1.jpg",
    ]


def test_only_the_first_names_are_told(flickr8k: TinyFlickr8k) -> None:
    splits = flickr8k.datamodule().load_splits()
    (sentence,) = shared_images({"val": splits["train"], "test": splits["train"]})
    assert "8 of the 8 test images are val images, too (0.jpg = 0.jpg, 1.jpg = 1.jpg, 2.jpg = 2.jpg, …)" in sentence
    assert shared_images(splits) == []
