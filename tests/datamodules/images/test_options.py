"""The options of `data` that are `data=images` with the names of a data set's files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.utils import instantiate

from tests.datamodules.images import tiny_images
from tests.datamodules.images.tiny_images import Settings
from tests.test_configs import OF_IMAGES
from tests.tiny_run import compose_train

OPTIONS: dict[str, tuple[Callable[[Path], Settings], list[int]]] = {
    "data/coco": (tiny_images.coco_2017, [8, 2, 2]),
    "data/flickr30k": (tiny_images.token_file, [8, 2, 2]),
    "data/karpathy": (tiny_images.karpathy, [8, 2, 2]),
    "data/nocaps": (tiny_images.nocaps, [0, 0, 2]),
    "data/textcaps": (tiny_images.textcaps, [8, 1, 1]),
    "data/vizwiz": (tiny_images.vizwiz, [7, 1, 2]),  # an image of train and of val has rejected captions alone
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_reads_the_data_set_as_it_is_published(option: str, tmp_path: Path) -> None:
    write, sizes = OPTIONS[option]
    lists = write(tmp_path / "root").get("split", {})
    settings = [f"data.root={tmp_path / 'root'}", f"cache_dir={tmp_path / 'cache'}", "data.batch_size=4"]
    settings += [f"+data.split.{name}={path}" for name, path in lists.items()]
    name = option.removeprefix("data/")
    datamodule = instantiate(compose_train([f"data={name}", *(["data.split={}"] if lists else []), *settings]).data)
    splits = datamodule.load_splits()
    assert [len(split.image_ids) for split in splits.values()] == sizes
    assert datamodule.source == name
    assert not {*splits["val"].image_ids} & {*splits["test"].image_ids}


def test_the_options_are_all_there() -> None:
    assert tuple(OPTIONS) == OF_IMAGES


def test_nocaps_is_not_trained_on(tmp_path: Path) -> None:
    tiny_images.nocaps(tmp_path / "root")
    settings = [f"data.root={tmp_path / 'root'}", f"cache_dir={tmp_path / 'cache'}"]
    datamodule = instantiate(compose_train(["data=nocaps", *settings]).data)
    message = r"the train split holds no image; the files \(nocaps_val_4500_captions.json: COCO .* have no image of it"
    with pytest.raises(ValueError, match=message):
        datamodule.setup()
