import numpy as np
import torch

from datamodules.batch import CaptionSample, collate


def test_collate_keeps_images_and_captions_together() -> None:
    black = torch.zeros(3, 2, 2, dtype=torch.uint8)
    samples = [
        CaptionSample(black, [np.array([1, 5, 2])], 7, ["a"]),
        CaptionSample(black + 1, [np.array([1, 2]), np.array([1, 6, 8, 2])], 4, ["b", "c"]),
    ]
    batch = collate(samples, pad_id=9)
    assert batch.tokens_NL.tolist() == [[1, 5, 2, 9], [1, 2, 9, 9], [1, 6, 8, 2]]
    assert batch.image_of_caption_N.tolist() == [0, 1, 1]
    assert batch.image_ids_B.tolist() == [7, 4]
    assert batch.images_BCHW.dtype == torch.uint8
    assert batch.images_BCHW.flatten(1).tolist() == [[0] * 12, [1] * 12]
    assert batch.references == [["a"], ["b", "c"]]
