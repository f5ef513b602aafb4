"""A few drawn scenes in shards, and tars that others might have written."""

import io
import json
import tarfile
from functools import partial
from pathlib import Path

from PIL import Image
from webdataset.tariterators import group_by_keys, tar_file_expander

from datamodules.shapes import ShapesDataModule
from datamodules.shards import WebDatasetDataModule
from datamodules.shards.writing import write_shards
from datamodules.split import CaptionSplit, SplitName
from datamodules.tokenizers import fit_word

SIZES = {"num_train": 23, "num_val": 7, "num_test": 4}
IMAGES_PER_SHARD = 5


class TinyShards:
    """Scenes, and the shards that were written of them: 5, 5, 5, 5 and 3 of the training split.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        scenes = ShapesDataModule(tokenizer=None, seed=3, image_size=32, cache_dir=folder / "cache", **SIZES)
        scenes.prepare_data()
        self.splits: dict[SplitName, CaptionSplit] = scenes.load_splits()
        self.root = folder / "shards"
        self.num_shards = write_shards(self.splits, self.root, images_per_shard=IMAGES_PER_SHARD)


def datamodule(root: Path | str, cache_dir: Path, **settings: object) -> WebDatasetDataModule:
    """Return a datamodule that is small enough for these files, with other `settings`."""
    small: dict[str, object] = {"image_size": 32, "batch_size": 4, "num_workers": 0, "shuffle_buffer": 6}
    return WebDatasetDataModule(
        root=str(root),
        tokenizer=partial(fit_word, min_count=1),
        cache_dir=cache_dir,
        **(small | settings),  # type: ignore[arg-type]
    )


def library_samples(path: Path) -> list[dict[str, bytes]]:
    """Return the samples of a shard as the library reads them."""
    with path.open("rb") as stream:  # which the library's own pipeline leaves open
        return [*group_by_keys(tar_file_expander([{"url": str(path), "stream": stream}]))]


def jpeg(grey: int = 100) -> bytes:
    """Return a small picture of one grey."""
    file = io.BytesIO()
    Image.new("RGB", (40, 36), (grey,) * 3).save(file, "JPEG")
    return file.getvalue()


def write_tar(path: Path, files: dict[str, bytes | str | object]) -> Path:
    """Write files by name into a tar: bytes, texts, and all else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            text = content if isinstance(content, bytes | str) else json.dumps(content, ensure_ascii=False)
            data = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
