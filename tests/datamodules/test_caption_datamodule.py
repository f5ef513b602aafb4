import logging
from functools import partial
from pathlib import Path

import pytest

from datamodules.caption_datamodule import CaptionDataModule, SplitName
from datamodules.sampler import ResumableLoader
from datamodules.split import CaptionSplit
from datamodules.tokenizers import fit_word
from tests.datamodules.in_memory_split import InMemorySplit


class _InMemoryDataModule(CaptionDataModule):
    """Splits of 5, 2 and `num_test` images with two captions each; training captions lack the words "val", "test"."""

    num_test = 3

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        return {
            "train": self._split("train", range(5)),
            "val": self._split("val", range(5, 7)),
            "test": self._split("test", range(7, 7 + self.num_test)),
        }

    def _split(self, name: str, ids: range) -> InMemorySplit:
        return InMemorySplit(image_ids=ids, captions=[[f"a {name} {i}", f"b {name} {i}"] for i in ids])


def _datamodule(tmp_path: Path, **settings: int | None) -> _InMemoryDataModule:
    tokenizer = partial(fit_word, min_count=1)
    chosen: dict[str, int | None] = {"batch_size": 2, "captions_per_image": 1, "num_workers": 0, **settings}
    return _InMemoryDataModule(tokenizer=tokenizer, image_size=4, cache_dir=tmp_path, **chosen)  # type: ignore[arg-type]


def test_tokenizer_knows_the_training_captions_alone(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path)
    datamodule.setup()
    assert {*datamodule.tokenizer.words[4:]} == {"a", "b", "train", "0", "1", "2", "3", "4"}


def test_training_batches_are_shuffled_full_and_of_few_captions(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path)
    datamodule.setup()
    loader = datamodule.train_dataloader()
    epochs = [_epoch(loader, number) for number in range(20)]
    assert epochs == [_epoch(datamodule.train_dataloader(), number) for number in range(20)]
    assert all([len(ids) for ids in epoch] == [2, 2] for epoch in epochs)
    assert len({tuple(map(tuple, epoch)) for epoch in epochs}) > 1
    assert all(batch.image_of_caption_N.tolist() == [0, 1] for batch in loader)


def _epoch(loader: ResumableLoader, number: int) -> list[list[int]]:
    loader.sampler.set_epoch(number)  # as Lightning does
    return [batch.image_ids_B.tolist() for batch in loader]


def test_other_batches_hold_everything_in_order(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path)
    datamodule.setup()
    assert [batch.image_ids_B.tolist() for batch in datamodule.val_dataloader()] == [[5, 6]]
    batches = [*datamodule.test_dataloader()]
    assert [batch.image_ids_B.tolist() for batch in batches] == [[7, 8], [9]]
    assert batches[0].image_of_caption_N.tolist() == [0, 0, 1, 1]
    assert batches[1].references == [["a test 9", "b test 9"]]


def test_logs_sizes_unknown_words_and_cut_captions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    datamodule = _datamodule(tmp_path)
    datamodule.setup()
    assert "tokenizer: 12 tokens" in caplog.text
    assert "train: 5 images, 10 captions, 0.00% unknown words, 0.00% of the captions cut to 40 tokens" in caplog.text
    assert "val: 2 images, 4 captions, 66.67% unknown words" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "data.batch_size must be at least 1, got 0"),
        ({"captions_per_image": 0}, r"data.captions_per_image must be at least 1 \(or null for all\), got 0"),
        ({"num_workers": -1}, "data.num_workers must be 0 or more, got -1"),
    ],
)
def test_refuses_settings_out_of_range(tmp_path: Path, settings: dict[str, int | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _datamodule(tmp_path, **settings)


def test_refuses_splits_too_small_for_the_batch(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"data.batch_size=6 is larger than the 5 training images; set data.batch_size"
    ):
        _datamodule(tmp_path, batch_size=6).setup()
    datamodule = _datamodule(tmp_path)
    datamodule.num_test = 0
    with pytest.raises(ValueError, match="the test split holds no image"):
        datamodule.setup()
