"""Writes splits of any data set as tar shards, each with its index."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image

from datamodules.fingerprint import fingerprint
from datamodules.image_files.reading import load_rgb
from datamodules.shards.manifest import Manifest, read_manifest
from datamodules.shards.shard_index import ShardIndex
from datamodules.shards.split_index import index_name
from datamodules.shards.tar_reading import index_shard
from datamodules.shards.urls import library
from datamodules.split import CaptionSplit, SplitName
from utils.cache_key import cache_key
from utils.files import atomic_open
from utils.progress import progress_bar

FORMAT_VERSION = 1  # raised when the same images and captions give other shards
STARTS = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}


@runtime_checkable
class WithImageFiles(Protocol):
    """A split that has the file of each image."""

    def image_file(self, index: int) -> bytes:
        """Return the file of image `index`."""
        ...


@runtime_checkable
class WithPaths(Protocol):
    """A split whose images are files on disk."""

    @property
    def paths(self) -> Sequence[str | Path]:
        """The file of each image."""
        ...


def write_shards(
    splits: Mapping[SplitName, CaptionSplit], folder: Path, *, images_per_shard: int = 1000
) -> dict[SplitName, int]:
    """Write splits as shards `train-00000.tar`, … with an index beside each; return how many each split has.

    A sample is the file of an image as it is, a JPEG, PNG or WebP, and a JSON with its number, name and captions. An
    image that is in no such file is written as PNG. What is there whole is not written again: a run that was killed
    goes on.

    Args:
        splits: The images and captions.
        folder: Where the shards will be.
        images_per_shard: Images of a shard; the last one of a split may hold fewer.

    Raises:
        ValueError: The folder holds shards of other data, or `images_per_shard` is below 1.
    """
    if images_per_shard < 1:
        raise ValueError(f"images_per_shard must be at least 1, got {images_per_shard}")
    num_images: dict[str, int] = {name: len(split.image_ids) for name, split in splits.items()}
    manifest = Manifest(
        source=cache_key(version=FORMAT_VERSION, images_per_shard=images_per_shard, splits=fingerprint(splits)),
        num_shards={name: -(-num // images_per_shard) for name, num in num_images.items()},
        num_images=num_images,
        complete=False,
    )
    _refuse_others(folder, manifest)
    manifest.write(folder)
    with progress_bar(total=sum(num_images.values()), desc="writing shards", unit="image") as progress:
        for name, split in splits.items():
            for number in range(manifest.num_shards[name]):
                first = number * images_per_shard
                indices = range(first, min(first + images_per_shard, num_images[name]))
                path = folder / f"{name}-{number:05d}.tar"
                if not _is_whole(path, len(indices)):
                    _write_shard(split, indices, path)
                progress.update(len(indices))
    manifest._replace(complete=True).write(folder)
    return {name: manifest.num_shards[name] for name in splits}


def _refuse_others(folder: Path, manifest: Manifest) -> None:
    found = read_manifest(folder)
    if found is not None and found.source != manifest.source:
        raise ValueError(
            f"out={folder} holds shards of other data, or of other settings; choose another folder, or remove it"
        )
    strangers = sorted(path.name for path in folder.glob("*.tar")) if found is None and folder.is_dir() else []
    if strangers:
        raise ValueError(f"out={folder} holds {strangers[0]} already; choose another folder, or remove it")


def _is_whole(path: Path, num_images: int) -> bool:
    """Return whether a shard and its index are there in full."""
    beside = Path(index_name(str(path)))
    if not path.is_file() or not beside.is_file():
        return False
    index = ShardIndex.parse(beside.read_bytes())
    return index is not None and len(index) == num_images and index.tar_bytes == path.stat().st_size


def _write_shard(split: CaptionSplit, indices: range, path: Path) -> None:
    """Write a shard, and then its index, which tells that the shard is whole."""
    beside = Path(index_name(str(path)))
    beside.unlink(missing_ok=True)  # that of a shard which is no longer there
    with atomic_open(path, "wb") as file, library().TarWriter(file, mtime=0, encoder=False) as tar:
        for index in indices:
            tar.write(_sample(split, index))
    index_of_shard = index_shard(str(path))
    problems = index_of_shard.problems
    if problems or len(index_of_shard) != len(indices):
        kind, name = problems[0] if problems else ("samples that got lost", path.name)
        raise ValueError(f"{path}: expected {len(indices)} samples, got {len(index_of_shard)}; {kind}: {name}")
    index_of_shard.with_keys(np.asarray(split.image_keys[indices.start : indices.stop], np.int64)).save(beside)


def _sample(split: CaptionSplit, index: int) -> dict[str, Any]:
    image_id, name = split.image_ids[index], split.image_names[index]
    named = {"image_name": name} if isinstance(name, str) else {}
    about = {"image_id": image_id, **named, "captions": [*split.captions[index]]}
    kind, content = image_file_of(split, index)
    text = json.dumps(about, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return {"__key__": f"{image_id:09d}", kind: content, "json": text}


def image_file_of(split: CaptionSplit, index: int) -> tuple[str, bytes]:
    """Return the kind (jpg, png or webp) and the content of an image's file: its own, or else a PNG of its pixels."""
    if isinstance(split, WithImageFiles):
        content = split.image_file(index)
    elif isinstance(split, WithPaths):
        content = Path(split.paths[index]).read_bytes()
    else:
        return "png", _png(Image.fromarray(split.load_image(index).permute(1, 2, 0).numpy()))
    kind = kind_of(content)
    if kind is None and isinstance(split, WithPaths):  # in a format that few readers of shards know
        return "png", _png(load_rgb(split.paths[index]))
    return kind or "png", content if kind else _png(Image.fromarray(split.load_image(index).permute(1, 2, 0).numpy()))


def kind_of(content: bytes) -> str | None:
    """Return the kind of an image's file, by its first bytes: jpg, png or webp; None for any other."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for start, kind in STARTS.items() if content.startswith(start)), None)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
