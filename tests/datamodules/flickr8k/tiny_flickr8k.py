"""A Flickr8k of twelve images, and ways to spoil it."""

from functools import partial
from pathlib import Path

from PIL import Image

from datamodules.flickr8k import Flickr8kDataModule
from datamodules.tokenizers import fit_word

SPLITS = {"train": range(8), "dev": range(8, 10), "test": range(10, 12)}
CAPTIONS_PER_IMAGE = 3


class TinyFlickr8k:
    """The data set's files under `root`: image `n` is uniformly of grey level `20 n`.

    Args:
        root: A new folder.
        caption: What people say, with the image's number `n` and the caption's `i`.
    """

    def __init__(self, root: Path, caption: str = "A dog number {n} runs {i} .") -> None:
        self.root = root
        self.images = root / "Flicker8k_Dataset"
        self.token_file = root / "Flickr8k.token.txt"
        self.images.mkdir(parents=True)
        for n in range(12):
            Image.new("RGB", (40, 30), (20 * n,) * 3).save(self.image(n), quality=95)
        captions = [(n, i, caption.format(n=n, i=i)) for n in range(12) for i in range(CAPTIONS_PER_IMAGE)]
        lines = [f"{n}.jpg#{i}\t{text}" for n, i, text in captions]
        self.token_file.write_text("\n".join([*lines, ""]), "utf-8")
        for name, numbers in SPLITS.items():
            self.split_file(name).write_text("".join(f"{n}.jpg\n" for n in numbers))

    def image(self, n: int) -> Path:
        return self.images / f"{n}.jpg"

    def split_file(self, name: str) -> Path:
        return self.root / f"Flickr_8k.{name}Images.txt"

    def datamodule(self, **settings: object) -> Flickr8kDataModule:
        """A datamodule that is small enough for these files, with other `settings`."""
        small: dict[str, object] = {"image_size": 16, "batch_size": 4, "num_workers": 0}
        return Flickr8kDataModule(
            root=self.root,
            tokenizer=partial(fit_word, min_count=1),
            cache_dir=self.root.parent / "cache",
            **(small | settings),  # type: ignore[arg-type]
        )
