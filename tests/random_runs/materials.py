"""The files that random runs read: photographs with uneven captions, a backbone, word vectors, a vocabulary."""

import random
from pathlib import Path

from PIL import Image
from safetensors.torch import save_file
from timm import create_model
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

BACKBONE = "test_efficientnet"
SPLITS = {"train": range(12), "dev": range(12, 17), "test": range(17, 22)}
EMBEDDING_DIM = 12
ODD_CAPTIONS = (
    "❤️",
    "ein Mädchen läuft über die Straße",
    "красный круг на сером фоне",
    "<eos> is what somebody typed",
    "a very long caption that goes on and on, far beyond what any of these little models would ever be asked to say",
    "A MAN, A PLAN, A CANAL!",
)


class Materials:
    """What `write` has written into a folder.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.photographs = folder / "photographs"
        self.backbone = folder / "backbone.safetensors"
        self.vectors = folder / "vectors.txt"
        self.gpt2 = folder / "gpt2"

    def write(self) -> "Materials":
        """Write all of it."""
        write_photographs(self.photographs)
        save_file(create_model(BACKBONE).state_dict(), self.backbone)
        rows = (f"{word} {' '.join(['0.5'] * EMBEDDING_DIM)}" for word in ("circle", "star", "dog", "a", "the", "red"))
        self.vectors.write_text("".join(f"{row}\n" for row in rows))
        self.gpt2.mkdir()
        tokenizer = Tokenizer(BPE({byte: i for i, byte in enumerate(sorted(ByteLevel.alphabet()))}, []))
        tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(), ByteLevelDecoder()
        tokenizer.save(str(self.gpt2 / "tokenizer.json"))
        return self

    @property
    def images(self) -> list[Path]:
        """The photographs, in the order of their names."""
        return sorted((self.photographs / "Flicker8k_Dataset").iterdir())


def write_photographs(root: Path) -> None:
    """Write a data set in Flickr8k's layout: noise of many sizes and modes, with one to five captions each."""
    draw = random.Random(0)
    folder = root / "Flicker8k_Dataset"
    folder.mkdir(parents=True)
    lines = []
    for number in range(max(SPLITS["test"]) + 1):
        size = (draw.choice((24, 40, 64, 200)), draw.choice((24, 40, 64)))
        mode = "L" if number % 5 == 0 else "RGB"
        Image.effect_noise(size, 90).convert(mode).save(folder / f"{number:02}.jpg")
        captions = [f"a {draw.choice(('dog', 'cat', 'man'))} runs {draw.choice(('fast', 'home'))} ." for _ in range(4)]
        captions = [draw.choice(ODD_CAPTIONS), *captions][: 1 + number % 5]
        lines += [f"{number:02}.jpg#{i}\t{caption}\n" for i, caption in enumerate(captions)]
    (root / "Flickr8k.token.txt").write_text("".join(lines), encoding="utf-8")
    for split, numbers in SPLITS.items():
        (root / f"Flickr_8k.{split}Images.txt").write_text("".join(f"{number:02}.jpg\n" for number in numbers))
