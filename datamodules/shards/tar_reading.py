"""One pass over a shard, from its start to its end: what it holds, and what of that cannot be used."""

import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

from datamodules.annotations.fields import caption_text
from datamodules.image_files.reading import MAX_BYTES
from datamodules.shards.shard_index import NOT_GIVEN, IndexBuilder, ShardIndex
from datamodules.shards.urls import library, opened
from metrics.words import on_one_line

IMAGES = ("jpg", "jpeg", "png", "webp")
TEXTS = ("json", "txt")
BLOCK = 512  # bytes
MAGIC, MAGIC_AT = b"ustar", 257  # in the first block of a tar
READ_AT_ONCE = 2**18  # bytes
MOST_TEXT = 2**24  # bytes of a sample's captions
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7z": "unxz", b"\x28\xb5\x2f": "unzstd"}
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass
class _Sample:
    """The files of one name, as far as they were read."""

    name: str
    image: bytes | None = None
    offset: int = 0
    texts: dict[str, bytes] = field(default_factory=dict)


class _Watched:
    """A stream that knows its first bytes, its last block and its length, as far as it was read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.num_bytes = 0
        self.first = b""
        self.last = b""

    def read(self, size: int) -> bytes:
        content = self.stream.read(size)
        self.num_bytes += len(content)
        self.first = self.first or content
        self.last = (self.last + content)[-BLOCK:]
        return content

    def read_to_end(self) -> None:
        while self.read(2**20):
            pass


def index_shard(url: str) -> ShardIndex:
    """Read a shard and return its index.

    Samples are files one after the other whose names differ in their ends alone, as the library `webdataset` has it: an
    image (jpg, png, webp), and captions in `json` (an object with `captions`, a list, or `caption`) or `txt` (one a
    line). The JSON may give the image's number (`image_id`) and its name (`image_name`).

    Raises:
        ValueError: The shard cannot be read, is no tar, is compressed, or is cut short.
    """
    builder = IndexBuilder()
    seen: set[str] = set()
    sample = None
    with opened(url) as stream:
        watched = _Watched(stream)
        try:
            for sample in _samples(watched, url):
                if sample.name in seen:
                    raise ValueError(f"{url}: expected each sample once, got {sample.name} twice; remove one of them")
                seen.add(sample.name)
                _add(sample, url, builder)
            watched.read_to_end()
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(_cut(url, sample, watched, str(error))) from error
    if watched.last.strip(b"\0") or len(watched.last) < BLOCK:
        raise ValueError(_cut(url, sample, watched, "it does not end as a tar does"))
    return builder.build(watched.num_bytes)


def _cut(url: str, sample: _Sample | None, watched: _Watched, reason: str) -> str:
    if sample is None and watched.num_bytes and watched.first[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        return f"{url}: expected a tar, got another file ({reason}); check that it is the right file"
    after = "at its start" if sample is None else f"after the sample {sample.name}"
    return f"{url}: the shard is cut short {after} ({reason}); write or copy it again"


def _samples(stream: _Watched, url: str) -> Iterator[_Sample]:
    base_plus_ext = library().tariterators.base_plus_ext
    sample = None
    for member, content in _members(stream, url):
        name, end = base_plus_ext(member.name)
        if name is None:
            continue
        if sample is None or name != sample.name:
            if sample is not None:
                yield sample
            sample = _Sample(name)
        kind = end.lower().rpartition(".")[2]
        if kind in IMAGES and sample.image is None:
            sample.image, sample.offset = content, member.offset_data
        elif kind in TEXTS:
            sample.texts[kind] = content
    if sample is not None:
        yield sample


def _members(stream: _Watched, url: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Yield the files of a tar that may belong to samples, with their content."""
    head = stream.read(BLOCK)
    for start, command in COMPRESSED.items():
        if head.startswith(start):
            raise ValueError(f"{url}: expected a tar that is not compressed, got another; unpack it with {command}")
    with tarfile.open(fileobj=_Rest(head, stream), mode="r|", bufsize=READ_AT_ONCE) as tar:  # type: ignore[call-overload]
        for member in tar:
            tar.members = []  # of what was read, which would be kept
            kind = member.name.lower().rpartition(".")[2]
            most = MAX_BYTES if kind in IMAGES else MOST_TEXT
            if not member.isreg() or kind not in (*IMAGES, *TEXTS):
                continue
            if member.size > most:
                raise ValueError(
                    f"{url}: {member.name} has {member.size:,} bytes, expected at most {most:,}; leave it out"
                )
            file = tar.extractfile(member)
            assert file is not None
            content = file.read()
            if len(content) < member.size:
                raise EOFError(f"{member.name} has {len(content):,} of {member.size:,} bytes")
            yield member, content


class _Rest:
    """A stream of which the first bytes were read before."""

    def __init__(self, head: bytes, stream: _Watched) -> None:
        self.head = head
        self.stream = stream

    def read(self, size: int) -> bytes:
        content, self.head = self.head[:size], self.head[size:]
        return content + self.stream.read(size - len(content)) if len(content) < size else content


def _add(sample: _Sample, url: str, builder: IndexBuilder) -> None:
    """Add a sample to an index, or what is wrong with it to the index's problems."""
    where = f"{PurePosixPath(url).name}: {sample.name}"
    if sample.image is None:
        builder.problems.append(("samples without an image (jpg, png or webp)", where))
        return
    try:
        about = _parsed(sample)
        captions = _captions(sample, about)
        image_id = about.get("image_id", NOT_GIVEN)
        if type(image_id) is not int or not (0 <= image_id < 2**63 or image_id == NOT_GIVEN):
            raise ValueError(f"image_id {json.dumps(image_id)[:40]} is no whole number")
    except (ValueError, RecursionError) as error:
        builder.problems.append(("samples whose captions cannot be read", f"{where}: {error}"))
        return
    if not captions:
        builder.problems.append(("samples without a caption", where))
        return
    number = PurePosixPath(sample.name).name
    name = sample.name if image_id == NOT_GIVEN else ""
    builder.add(
        offset=sample.offset,
        image=sample.image,
        crc=zlib.crc32(sample.image),
        image_id=image_id,
        name_number=int(number) if NUMBER.fullmatch(number) else NOT_GIVEN,
        name=str(about.get("image_name", name)),
        captions=captions,
    )


def _parsed(sample: _Sample) -> dict[str, Any]:
    if "json" not in sample.texts:
        return {}
    about = json.loads(sample.texts["json"])
    if not isinstance(about, dict):
        raise ValueError("its JSON is no object")
    return about


def _captions(sample: _Sample, about: dict[str, Any]) -> list[str]:
    """Return a sample's captions, those of its JSON before those of its text."""
    if "captions" in about or "caption" in about:
        given = about.get("captions", about.get("caption"))
        captions = [caption_text(one, "caption") for one in ([given] if isinstance(given, str) else given or [])]
    else:
        captions = sample.texts.get("txt", b"").decode("utf-8-sig").splitlines()
    return [normal for caption in captions if (normal := normal_caption(caption))]


def normal_caption(caption: str) -> str:
    """Return a caption without blanks around it; tabs, ends of lines and other control characters become blanks."""
    return on_one_line(caption) if CONTROL.search(caption) else caption.strip()
