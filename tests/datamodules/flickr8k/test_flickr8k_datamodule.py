import json
import logging
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from torchvision.transforms import v2

from datamodules.batch import CaptionSample
from datamodules.flickr8k import Flickr8kDataModule
from datamodules.image_files.image_file_split import ImageFileSplit
from tests.datamodules.flickr8k.tiny_flickr8k import SPLITS, TinyFlickr8k
from tests.tiny_run import compose_train

NAMES = sorted(f"{n}.jpg" for n in range(12))


def _images(datamodule: Flickr8kDataModule) -> dict[str, list[str]]:
    images = {}
    for name, split in datamodule.load_splits().items():
        assert isinstance(split, ImageFileSplit)
        images[str(name)] = [Path(path).name for path in split.paths]
    return images


def test_official_splits(flickr8k: TinyFlickr8k) -> None:
    images = _images(flickr8k.datamodule())
    parts = {"train": "train", "val": "dev", "test": "test"}
    assert images == {name: [f"{n}.jpg" for n in SPLITS[part]] for name, part in parts.items()}


def test_image_ids_number_all_names_of_the_caption_file(flickr8k: TinyFlickr8k) -> None:
    flickr8k.image(4).unlink()
    for split in ("official", [0.5, 0.25, 0.25]):
        for part in flickr8k.datamodule(split=split, on_bad_data="skip").load_splits().values():
            assert isinstance(part, ImageFileSplit)
            assert [NAMES[i] for i in part.image_ids] == [Path(path).name for path in part.paths]


def test_split_by_proportion(flickr8k: TinyFlickr8k) -> None:
    images = _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25], split_seed=1))
    assert {name: len(names) for name, names in images.items()} == {"train": 6, "val": 3, "test": 3}
    assert sorted(chain(*images.values())) == NAMES
    assert images != _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25], split_seed=2))
    for name in SPLITS:
        flickr8k.split_file(name).unlink()  # not needed here
    assert images == _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25], split_seed=1))


def test_image_that_goes_bad_leaves_the_others_in_their_splits(flickr8k: TinyFlickr8k) -> None:
    before = _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25]))
    lost = before["train"][0]
    (flickr8k.images / lost).write_text("no image any more")
    after = _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25], on_bad_data="skip"))
    assert after == {name: [image for image in images if image != lost] for name, images in before.items()}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_hold_each_image_with_its_captions(flickr8k: TinyFlickr8k, num_workers: int) -> None:
    datamodule = flickr8k.datamodule(captions_per_image=2, num_workers=num_workers)
    datamodule.prepare_data()
    datamodule.setup()
    batches = [*datamodule.train_dataloader()]
    served = torch.cat([batch.image_ids_B for batch in batches]).tolist()
    assert sorted(served) == sorted(NAMES.index(f"{n}.jpg") for n in SPLITS["train"])
    for batch in batches:
        assert batch.images_BCHW.shape == (4, 3, 16, 16)
        numbers = [int(NAMES[i].removesuffix(".jpg")) for i in batch.image_ids_B.tolist()]
        assert (batch.images_BCHW.float().mean(dim=(1, 2, 3)) - 20 * torch.tensor(numbers)).abs().max() < 2
        assert batch.image_of_caption_N.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        captions = datamodule.tokenizer.decode_batch(batch.tokens_NL)
        for row, caption in zip(batch.image_of_caption_N.tolist(), captions, strict=True):
            assert caption.startswith(f"a dog number {numbers[row]} runs")
        assert batch.references == [[f"A dog number {n} runs {i} ." for i in range(3)] for n in numbers]


def test_only_training_images_are_transformed(flickr8k: TinyFlickr8k) -> None:
    datamodule = flickr8k.datamodule(train_transform=v2.RandomInvert(p=1))
    datamodule.setup()
    [train, val] = [datamodule.dataset(name)[0] for name in ("train", "val")]
    assert isinstance(train, CaptionSample)
    assert isinstance(val, CaptionSample)
    assert train.image_CHW.float().mean() > 250
    assert abs(val.image_CHW.float().mean() - 160) < 2
    assert datamodule.splits["train"].load_image(0).float().mean() < 5  # as it is, for whoever looks things up


def test_views_of_training_images_to_keep(flickr8k: TinyFlickr8k) -> None:
    datamodule = flickr8k.datamodule(cache_features=True, cached_views=3, train_transform=v2.RandomInvert(p=1))
    datamodule.setup()
    views = datamodule.views("train")
    dark, light = 5, 250
    assert [view.load_image(0).float().mean() > light for view in views] == [False, True, True]
    assert views[0].load_image(0).float().mean() < dark
    assert len({view.image_fingerprint for view in views}) == 3
    assert len(datamodule.views("val")) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cached_views": 0}, "data.cached_views must be at least 1, got 0"),
        ({"cached_views": 2, "cache_features": True}, "data.cached_views=2 keeps features of images that"),
        ({"cache_features": True, "train_transform": v2.RandomInvert()}, "set data.cached_views to the number"),
    ],
)
def test_refuses_views_that_nothing_keeps(flickr8k: TinyFlickr8k, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        flickr8k.datamodule(**settings)


def _cut(flickr8k: TinyFlickr8k) -> None:
    flickr8k.image(5).write_bytes(flickr8k.image(5).read_bytes()[:-8])


def _replace_by_text(flickr8k: TinyFlickr8k) -> None:
    flickr8k.image(5).write_text("not an image")


def _remove(flickr8k: TinyFlickr8k) -> None:
    flickr8k.image(5).unlink()


def _remove_captions(flickr8k: TinyFlickr8k) -> None:
    lines = flickr8k.token_file.read_text().splitlines(keepends=True)
    flickr8k.token_file.write_text("".join(line for line in lines if not line.startswith("5.jpg")))


def _empty_captions(flickr8k: TinyFlickr8k) -> None:
    flickr8k.token_file.write_text(re.sub(r"^(5.jpg#\d)\t.*$", r"\1\t ", flickr8k.token_file.read_text(), flags=re.M))


def _break_lines(flickr8k: TinyFlickr8k) -> None:
    flickr8k.token_file.write_text(flickr8k.token_file.read_text().replace("\tA dog number 5", " A dog number 5"))


@pytest.mark.parametrize("split", ["official", [0.5, 0.25, 0.25]])
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_cut, "1 images that cannot be read (5.jpg: image file is truncated"),
        (_replace_by_text, "1 images that cannot be read (5.jpg: cannot identify image file"),
        (_remove, "1 images that are not in the image folder (5.jpg)"),
        (_remove_captions, "1 images without captions (5.jpg)"),
        (_empty_captions, "3 empty captions (5.jpg#0, 5.jpg#1, 5.jpg#2); 1 images without captions (5.jpg)"),
        (_break_lines, "3 caption lines that are not 'image.jpg#number<TAB>caption' (Flickr8k.token.txt:16"),
    ],
)
def test_bad_data_is_named_and_refused_or_left_out(
    flickr8k: TinyFlickr8k,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[TinyFlickr8k], None],
    problem: str,
    split: str | list[float],
) -> None:
    spoil(flickr8k)
    strict, lenient = (flickr8k.datamodule(split=split, on_bad_data=choice) for choice in ("error", "skip"))
    with pytest.raises(ValueError, match=re.escape(problem)) as raised:
        strict.prepare_data()
    assert "set data.on_bad_data=skip" in str(raised.value)
    assert sorted(chain(*_images(lenient).values())) == sorted({*NAMES} - {"5.jpg"})
    assert problem in caplog.text


def test_one_bad_caption_costs_no_image(flickr8k: TinyFlickr8k) -> None:
    text = flickr8k.token_file.read_text()
    flickr8k.token_file.write_text(text.replace("A dog number 5 runs 1 .", ""))
    with pytest.raises(ValueError, match=r"got 1 empty captions \(5.jpg#1\); all are named in"):
        flickr8k.datamodule().prepare_data()
    split = flickr8k.datamodule(on_bad_data="skip").load_splits()["train"]
    assert split.captions[5] == ["A dog number 5 runs 0 .", "A dog number 5 runs 2 ."]


def test_image_in_two_splits_stays_in_the_first(flickr8k: TinyFlickr8k) -> None:
    flickr8k.split_file("test").write_text("10.jpg\n5.jpg\n11.jpg\n10.jpg\n")
    with pytest.raises(ValueError, match=r"2 images listed more than once \(5.jpg in test, 10.jpg in test\)"):
        flickr8k.datamodule().prepare_data()
    images = _images(flickr8k.datamodule(on_bad_data="skip"))
    assert "5.jpg" in images["train"]
    assert images["test"] == ["10.jpg", "11.jpg"]


def test_report_names_everything(flickr8k: TinyFlickr8k, tmp_path: Path) -> None:
    for n in range(6):
        flickr8k.image(n).unlink()
    with pytest.raises(ValueError, match=r"6 images that are not in the image folder \(0.jpg, 1.jpg, 2.jpg, …\)"):
        flickr8k.datamodule().prepare_data()
    report = json.loads((tmp_path / "cache" / "flickr8k" / "bad_data.json").read_text())
    assert report["images that are not in the image folder"] == [f"{n}.jpg" for n in range(6)]


def test_images_of_no_split_are_counted_and_not_looked_at(
    flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with flickr8k.token_file.open("a") as file:
        file.write("99.jpg#0\tNot here .\n")
    (flickr8k.images / "98.jpg").write_text("not an image")
    flickr8k.datamodule().prepare_data()
    assert "1 images with captions belong to no official split" in caplog.text
    assert "checked 12 images" in caplog.text


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        ("Flicker8k_Dataset", "a folder without Flicker8k_Dataset/;"),
        ("Flickr8k.token.txt", "a folder without Flickr8k.token.txt;"),
        ("Flickr_8k.devImages.txt", "a folder without Flickr_8k.devImages.txt;"),
        ("", "no such folder;"),
    ],
)
def test_wrong_root_names_the_expected_layout(flickr8k: TinyFlickr8k, missing: str, found: str) -> None:
    (flickr8k.root / missing).rename(flickr8k.root.parent / "elsewhere")
    expected = rf"data.root={flickr8k.root}: expected the layout .*{found} set data.root"
    with pytest.raises(ValueError, match=expected):
        flickr8k.datamodule().prepare_data()


def test_refuses_settings_out_of_range(flickr8k: TinyFlickr8k) -> None:
    with pytest.raises(ValueError, match=r"data.split must be 'official' or proportions .* got 'karpathy'"):
        flickr8k.datamodule(split="karpathy")
    with pytest.raises(ValueError, match=r"data.split must be three non-negative proportions"):
        flickr8k.datamodule(split=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"data.on_bad_data must be 'error' or 'skip', got 'ignore'"):
        flickr8k.datamodule(on_bad_data="ignore")


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
def test_config_serves_a_batch(flickr8k: TinyFlickr8k, tokenizer: str) -> None:
    flip = "{_target_:torchvision.transforms.v2.RandomHorizontalFlip,p:0.5}"
    sizes = ["data.batch_size=4", "data.image_size=32", "data.num_workers=0", f"data.train_transform={flip}"]
    files = [f"data.root={flickr8k.root}", f"cache_dir={flickr8k.root.parent / 'cache'}"]
    config = compose_train(["data=flickr8k", f"tokenizer={tokenizer}", *sizes, *files])
    datamodule = instantiate(config.data)
    datamodule.prepare_data()
    datamodule.setup()
    assert next(iter(datamodule.train_dataloader())).images_BCHW.shape == (4, 3, 32, 32)


def test_kaggles_layout_is_split_at_random(flickr8k: TinyFlickr8k) -> None:
    before = _images(flickr8k.datamodule(split=[0.5, 0.25, 0.25]))
    flickr8k.images.rename(flickr8k.root / "Images")
    rows = [line.split("#0\t") for line in flickr8k.token_file.read_text().splitlines() if "#0\t" in line]
    quoted = [f'{name},"{caption}, they say ""so"""' for name, caption in rows]
    (flickr8k.root / "captions.txt").write_text("\n".join(["image,caption", *quoted]))
    for file in (flickr8k.token_file, *map(flickr8k.split_file, SPLITS)):
        file.unlink()
    datamodule = flickr8k.datamodule(split=[0.5, 0.25, 0.25])
    assert _images(datamodule) == before
    assert datamodule.load_splits()["train"].captions[0][0].endswith(' ., they say "so"')
    message = (
        r"got a folder without Flickr_8k.trainImages.txt, .*, or data.split=\[0.8,0.1,0.1\] where there are no lists"
    )
    with pytest.raises(ValueError, match=message):
        flickr8k.datamodule().prepare_data()
