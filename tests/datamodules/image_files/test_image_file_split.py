import torch

from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.image_files.keys import file_keys
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


def test_loads_the_image_asked_for(flickr8k: TinyFlickr8k) -> None:
    split = ImageFileSplit(
        paths=[flickr8k.image(3), flickr8k.image(5)],
        image_ids=[3, 5],
        captions=[["a"], ["b"]],
        file_keys=[file_keys(flickr8k.image(number)) for number in (3, 5)],
        image_size=16,
    )
    assert torch.equal(split.load_image(1), torch.full((3, 16, 16), 100, dtype=torch.uint8))
