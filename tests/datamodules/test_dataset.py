from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from datamodules.batch import CaptionSample, collate
from datamodules.dataset import CaptionDataset
from datamodules.tokenizers import fit_word
from datamodules.transformed_view import Transform
from tests.datamodules.in_memory_split import InMemorySplit

SPLIT = InMemorySplit(image_ids=[8, 3], captions=[["one", "two", "three", "four"], ["five"]])
TOKENIZER = fit_word([caption for captions in SPLIT.captions for caption in captions], min_count=1)


def test_all_captions_in_order() -> None:
    dataset = CaptionDataset(SPLIT, TOKENIZER, captions_per_image=None)
    assert len(dataset) == 2
    for index, sample in enumerate(dataset[i] for i in range(2)):
        assert sample.image_id == SPLIT.image_ids[index]
        assert torch.equal(sample.image_CHW, SPLIT.load_image(index))
        assert [TOKENIZER.decode(ids) for ids in sample.captions] == SPLIT.captions[index] == sample.references


def test_draws_captions_evenly_without_replacement() -> None:
    torch.manual_seed(0)
    dataset = CaptionDataset(SPLIT, TOKENIZER, captions_per_image=2)
    drawn = [[TOKENIZER.decode(ids) for ids in dataset[0].captions] for _ in range(600)]
    pairs = Counter(tuple(captions) for captions in drawn)
    assert len(pairs) == 4 * 3
    assert all(first != second for first, second in pairs)
    assert all(25 < count < 80 for count in pairs.values())  # 50 +- 7 each
    assert [TOKENIZER.decode(ids) for ids in dataset[1].captions] == ["five"]
    assert dataset[0].references == SPLIT.captions[0]


def test_the_longest_caption_comes_along_where_it_has_to() -> None:
    torch.manual_seed(0)
    split = InMemorySplit(image_ids=[1], captions=[["one", "one two three", "two", "three two one"]])
    dataset = CaptionDataset(split, TOKENIZER, captions_per_image=2, include_longest_caption=True)
    drawn = Counter(tuple(TOKENIZER.decode(ids) for ids in dataset[0].captions) for _ in range(300))
    assert drawn.keys() == {("one two three", other) for other in ("one", "two", "three two one")}
    assert all(70 < count < 130 for count in drawn.values())


def _image(transform: Transform, *, with_images: bool = True) -> Tensor:
    dataset = CaptionDataset(SPLIT, TOKENIZER, transform=transform)
    dataset.with_images = with_images
    sample = dataset[0]
    assert isinstance(sample, CaptionSample)
    return sample.image_CHW


def test_transform_changes_the_image() -> None:
    assert torch.equal(_image(v2.RandomInvert(p=1)), 255 - SPLIT.load_image(0))
    assert _image(v2.RandomInvert(p=1), with_images=False).numel() == 0


@pytest.mark.parametrize("transform", [v2.CenterCrop(2), v2.ToDtype(torch.float32, scale=True)])
def test_refuses_transforms_that_change_shape_or_type(transform: Transform) -> None:
    with pytest.raises(ValueError, match=r"data.train_transform must return a uint8 tensor of shape \[3, 4, 4\], got"):
        _image(transform)


def test_one_view_of_the_features_comes_with_an_image() -> None:
    dataset = CaptionDataset(SPLIT, TOKENIZER)
    views = [np.full((len(SPLIT.image_ids), 2, 3), view, np.float16) for view in range(3)]
    for features in (views, views[:1]):
        dataset.features = features
        seen = [features_PD for features_PD in (dataset[1].features_PD for _ in range(40)) if features_PD is not None]
        assert {int(features_PD.unique().item()) for features_PD in seen} == set(range(len(features)))


def test_captions_bring_their_weights_in_whatever_order() -> None:
    dataset = CaptionDataset(SPLIT, TOKENIZER, captions_per_image=3)
    assert dataset[0].weights is None
    dataset.weights_C = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    weight_of = dict(zip([*SPLIT.captions[0], *SPLIT.captions[1]], dataset.weights_C.tolist(), strict=True))
    batch = collate([dataset[0], dataset[1], dataset[0]], pad_id=TOKENIZER.vocabulary.pad_id)
    assert batch.weights_N is not None
    assert batch.weights_N.tolist() == [weight_of[caption] for caption in TOKENIZER.decode_batch(batch.tokens_NL)]
