"""Files from strangers: code in pickles, names that lead elsewhere, images that are bombs, files without end."""

import io
import os
import pickle
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.flickr8k import annotations
from datamodules.flickr8k.bad_data import BadData
from datamodules.images import BadImageError, load_rgb
from datamodules.shapes.image_cache import ImageCache
from datamodules.tokenizers import CaptionTokenizer
from lightning_modules import load_captioner
from lightning_modules.networks.embeddings.word_vectors import read_word_vectors
from lightning_modules.networks.encoders import TimmEncoder
from lightning_modules.ranking.training_index import TrainingIndex
from metrics import DocumentFrequencies
from metrics.caption_files import read_references, read_results
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import ROOT, TinyRun, build_tiny, run_tiny

GIGABYTE = 10**9


class Attack:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def _zip_checkpoint(attack: Attack, path: Path) -> None:
    torch.save({"facet_format": 2, "hyper_parameters": {}, "state_dict": {}, "attack": attack}, path)


def _bare_pickle(attack: Attack, path: Path) -> None:
    path.write_bytes(pickle.dumps(attack))


def _npz(attack: Attack, path: Path) -> None:
    attacks = np.array([attack], dtype=object)
    with path.open("wb") as file:
        np.savez(file, features_TD=attacks, captions=attacks, encoder=attacks, data=attacks)


def _npy(attack: Attack, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([attack], dtype=object), allow_pickle=True)


def _timm(path: Path) -> None:
    TimmEncoder(image_size=32, backbone="test_efficientnet", weights=str(path)).load_pretrained()


def _index(path: Path, trained: TinyRun) -> None:
    TrainingIndex.load(path, load_captioner(trained.best))


READERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": load_captioner,
    "weights of a backbone": _timm,
    "word vectors": lambda path: read_word_vectors(path, ["a"]),
    "results": read_results,
    "references": read_references,
    "document frequencies": DocumentFrequencies.load,
    "captions": lambda path: annotations.read_captions(path, BadData()),
    "list of images": annotations.read_image_names,
    "image": load_rgb,
    "tokenizer": lambda path: CaptionTokenizer.from_json(path.read_bytes().decode(errors="replace")),
}


@pytest.mark.parametrize("write", [_zip_checkpoint, _bare_pickle, _npz, _npy])
@pytest.mark.parametrize("reader", READERS)
def test_a_pickle_that_runs_code_is_refused(reader: str, write: Callable[[Attack, Path], None], tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "file.bin"
    write(Attack(mark), path)
    with pytest.raises(ValueError, match=r"(expected|not a usable|not a readable|could not be read)"):
        READERS[reader](path)
    assert not mark.exists()


@pytest.mark.parametrize("write", [_zip_checkpoint, _bare_pickle, _npz, _npy])
def test_an_index_does_not_run_code(write: Callable[[Attack, Path], None], tmp_path: Path, trained: TinyRun) -> None:
    mark, path = tmp_path / "mark", tmp_path / "index.npz"
    write(Attack(mark), path)
    with pytest.raises(ValueError, match=r"index.npz: not an index of training images"):
        _index(path, trained)
    assert not mark.exists()


def test_a_resumed_run_does_not_run_code(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "last.ckpt"
    _zip_checkpoint(Attack(mark), path)
    with pytest.raises((SystemExit, pickle.UnpicklingError)):
        run_tiny(tmp_path / "run", f"ckpt_path={path}", "test=false")
    assert not mark.exists()


def test_caches_do_not_run_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    cache = ImageCache(tmp_path, seed=1, num_images=2, image_size=32)
    _npy(Attack(mark), cache.path)
    assert cache.open() is None  # it is drawn anew
    _, datamodule = build_tiny(tmp_path / "run")
    for file in (tmp_path / "cache" / "tokenizers").iterdir():
        _bare_pickle(Attack(mark), file)
    datamodule.splits = {}
    datamodule.setup()  # fits the tokenizer anew
    assert not mark.exists()


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(ValueError, match=r"weights.safetensors could not be read into test_efficientnet"):
        _timm(path)
    for header in (b"1 999999999999999\n", b"9" * 5000 + b" 3\n"):
        path.write_bytes(header + b"a " + bytes(12))
        with pytest.raises(ValueError, match=r"weights.safetensors: expected"):
            read_word_vectors(path, ["a"])


# images


def _png(width: int, height: int) -> bytes:
    """A whole PNG of one row, whose header promises more."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _jpeg(width: int, height: int) -> bytes:
    whole = io.BytesIO()
    Image.new("RGB", (16, 16)).save(whole, "JPEG")
    return whole.getvalue().replace(struct.pack(">HH", 16, 16), struct.pack(">HH", height, width), 1)


def _bmp(width: int, height: int) -> bytes:
    whole = io.BytesIO()
    Image.new("RGB", (16, 16)).save(whole, "BMP")
    return whole.getvalue().replace(struct.pack("<ii", 16, 16), struct.pack("<ii", width, height), 1)


@pytest.mark.parametrize("make", [_png, _jpeg, _bmp])
@pytest.mark.parametrize("side", [60_000, 11_000, 9_000])  # PIL refuses the first and only warns of the second
def test_small_files_of_absurd_dimensions_are_refused_unread(
    make: Callable[[int, int], bytes], side: int, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.jpg"
    path.write_bytes(make(side, side))
    assert path.stat().st_size < 10_000
    start = time.perf_counter()
    with pytest.raises(BadImageError, match=r"bomb.jpg: not a usable image \(.*(exceeds limit|expected at most)"):
        load_rgb(path)
    assert time.perf_counter() - start < 5


def test_of_many_frames_the_first_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), number % 256) for number in range(2000)]
    frames[0].save(tmp_path / "long.gif", save_all=True, append_images=frames[1:], duration=1)
    assert load_rgb(tmp_path / "long.gif").getpixel((0, 0)) == (0, 0, 0)


def test_compressed_texts_and_profiles_do_not_swell(tmp_path: Path) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    swollen = zlib.compress(bytes(200_000_000), 9)
    whole = _png(1, 1)
    for name, content in ((b"iCCP", b"p\0\0" + swollen), (b"zTXt", b"t\0\0" + swollen)):
        path = tmp_path / "swollen.png"
        path.write_bytes(whole[:33] + chunk(name, content) + whole[33:])
        with pytest.raises(BadImageError, match=r"swollen.png: not a usable image"):
            load_rgb(path)


def test_what_is_no_picture_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # reading it would wait for ever
    with pytest.raises(BadImageError, match=r"pipe.jpg: not a usable image \(it is a folder, a pipe or a device"):
        load_rgb(tmp_path / "pipe.jpg")
    (tmp_path / "program.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(BadImageError, match=r"program.jpg: not a usable image \(cannot identify"):
        load_rgb(tmp_path / "program.jpg")
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(GIGABYTE)
    with pytest.raises(BadImageError, match=r"huge.jpg: .*it has 1,000,000,000 bytes"):
        load_rgb(tmp_path / "huge.jpg")


# names


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg", "..", "..\\b.jpg", "a\0.jpg"])
def test_names_that_are_paths_are_refused(name: str, tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    with flickr8k.token_file.open("a") as file:
        file.write(f"{name}#0\tA dog runs .\n")
    message = r"Flickr8k.token.txt, line 37: expected the name of a file in the image folder, got '.*', which is a path"
    with pytest.raises(ValueError, match=message):
        flickr8k.datamodule(on_bad_data="skip").prepare_data()

    flickr8k = TinyFlickr8k(tmp_path / "other")
    with flickr8k.split_file("test").open("a") as file:
        file.write(f"{name}\n")
    with pytest.raises(ValueError, match=r"Flickr_8k.testImages.txt, line 3: expected the name of a file"):
        flickr8k.datamodule(on_bad_data="skip").prepare_data()


def test_links_to_files_outside_are_refused_and_those_inside_are_not(tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    secret = tmp_path / "secret.jpg"
    flickr8k.image(3).rename(secret)
    flickr8k.image(3).symlink_to(secret)
    flickr8k.image(4).rename(flickr8k.root / "kept.jpg")
    flickr8k.image(4).symlink_to(Path("..") / "kept.jpg")
    with pytest.raises(ValueError, match=r"1 images that are links to files outside of data.root \(3.jpg\)"):
        flickr8k.datamodule().prepare_data()
    split = flickr8k.datamodule(on_bad_data="skip").load_splits()["train"]
    assert split.image_names == [f"{n}.jpg" for n in (0, 1, 2, 4, 5, 6, 7)]


def test_the_folders_themselves_may_be_links(tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k")
    flickr8k.images.rename(tmp_path / "images")
    flickr8k.images.symlink_to(tmp_path / "images")
    assert len(flickr8k.datamodule().load_splits()["train"].image_ids) == 8


# files without end


def _peak_megabytes(code: str) -> int:
    """Run code in a process of its own; return by how much its memory grew at most beyond what its imports take."""
    imports, _, rest = code.partition("---")
    script = (
        f"import resource\n{imports}\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n{rest}\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return int(finished.stdout.split()[-1])


ENDLESS = """
from pathlib import Path
from datamodules.flickr8k.annotations import read_captions, read_image_names
from datamodules.flickr8k.bad_data import BadData
from metrics.caption_files import read_references, read_results
from lightning_modules.networks.embeddings.word_vectors import read_word_vectors
import datamodules.flickr8k.annotations as annotations
annotations.MAX_BYTES = {max_bytes}
path = Path({path!r})
---
readers = [lambda p: read_captions(p, BadData()), read_image_names, lambda p: read_word_vectors(p, ["a"])]
for read in readers + {others}:
    try:
        read(path)
    except ValueError as error:
        assert str(path) in str(error), error
    else:
        raise SystemExit("the file was read")
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", [b"", b"a.jpg#0\tA dog runs .\n" + b"x " * 30_000 + b"\n", b"a 1 2\nb "])
def test_a_gigabyte_is_refused_without_being_read_in(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "endless.txt"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(GIGABYTE)  # zeros that take no room on the disk: one line
    try:
        # by its size where there is a limit, and by its line where there is none
        limited = _peak_megabytes(
            ENDLESS.format(path=str(path), max_bytes=500_000_000, others="[read_references, read_results]")
        )
        streamed = _peak_megabytes(ENDLESS.format(path=str(path), max_bytes=2 * GIGABYTE, others="[]"))
    finally:
        path.unlink()
    print(f"peak beyond imports: {limited} MB with the limit, {streamed} MB without")
    assert max(limited, streamed) < 20


def test_token_files_of_one_endless_line_are_refused_with_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("a.jpg#0\tA dog .\nb.jpg#0\t" + "x" * 100_000)
    with pytest.raises(ValueError, match=r"tokens.txt, line 2: expected at most 65,536 characters, got 100,008"):
        read_references(path)
    with pytest.raises(ValueError, match=r"tokens.txt, line 2: expected at most 65,536 bytes, got more"):
        annotations.read_captions(path, BadData())


def test_junk_is_not_counted_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "junk.txt"
    path.write_text("x\n" * 10_001)
    with pytest.raises(ValueError, match=r"junk.txt: expected lines .*, got more than 10,000 others"):
        annotations.read_captions(path, BadData())


def test_json_above_the_limit_names_it_and_a_higher_limit_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('[{"image_id": 1, "caption": "a"}]')
    with pytest.raises(ValueError, match=r"expected at most 2e-05 MB, got more; .*--max-megabytes"):
        read_results(path, max_bytes=20)
    assert len(read_results(path, max_bytes=100).rows) == 1
