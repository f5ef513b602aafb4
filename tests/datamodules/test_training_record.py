from typing import Any

import numpy as np
import pytest
import torch

from datamodules.training_record import TrainingRecord
from tests.datamodules.in_memory_split import InMemorySplit

SPLIT = InMemorySplit(image_ids=[3, 1, 2], captions=[["a"]] * 3)


def test_knows_the_images_that_share_a_key_with_its_own() -> None:
    record = TrainingRecord.of(SPLIT, "photos")
    assert record.knows(np.array([[1, 9], [9, 8], [7, 3]])).tolist() == [True, False, True]
    assert not TrainingRecord.unknown().knows(SPLIT.image_keys).any()


def test_two_trainings_are_one_record() -> None:
    both = TrainingRecord.of(SPLIT, "a") | TrainingRecord.of(InMemorySplit([3, 7], [["a"]] * 2), "b")
    assert both.keys.tolist() == [1, 2, 3, 7]
    assert (both.sources, both.complete) == (("a", "b"), True)
    assert not (both | TrainingRecord.unknown()).complete


def test_is_kept_in_a_checkpoint_at_eight_bytes_a_key(tmp_path: Any) -> None:
    record = TrainingRecord.of(SPLIT, "photos")
    torch.save(record.to_checkpoint(), tmp_path / "record")
    again = TrainingRecord.from_checkpoint(torch.load(tmp_path / "record", weights_only=True))
    assert (again.keys.tolist(), again.sources, again.complete) == ([1, 2, 3], ("photos",), True)
    assert record.to_checkpoint()["keys"].nbytes == 8 * 3
    assert not TrainingRecord.from_checkpoint(None).complete


@pytest.mark.parametrize(
    "saved",
    [
        5,
        {},
        [1],
        {"keys": [1], "sources": [], "complete": True},
        {"keys": torch.zeros(2), "sources": [], "complete": True},
        {"keys": torch.zeros(2, 2, dtype=torch.int64), "sources": [], "complete": True},
        {"keys": torch.zeros(2, dtype=torch.int64), "sources": [1], "complete": True},
        {"keys": torch.zeros(2, dtype=torch.int64), "sources": None, "complete": True},
        {"keys": torch.zeros(2, dtype=torch.int64), "sources": [], "complete": "yes"},
    ],
)
def test_refuses_what_is_no_record(saved: Any) -> None:
    with pytest.raises(ValueError, match="expected a record of the training images"):
        TrainingRecord.from_checkpoint(saved)
