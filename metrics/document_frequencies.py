"""In how many images' references an n-gram occurs: what CIDEr weighs n-grams by."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from metrics.ngrams import Tokens
from metrics.paired_captions import MAX_ORDER
from utils.text_files import MAX_BYTES, parse_json, read_text


@dataclass(frozen=True)
class DocumentFrequencies:
    """Frequencies of a corpus other than the references that are evaluated, such as the training captions.

    Attributes:
        num_images: Images of the corpus.
        counts: For each n-gram, its words with spaces between, the images whose references contain it.
    """

    num_images: int
    counts: Mapping[str, int]

    @classmethod
    def of(cls, references: Sequence[Sequence[Tokens]]) -> Self:
        """Count the n-grams of up to four words in the references of each image.

        Raises:
            ValueError: There is no image.
        """
        if not references:
            raise ValueError("expected the references of at least one image to count document frequencies, got none")
        counts: Counter[str] = Counter()
        for captions in references:
            counts.update({ngram for caption in captions for ngram in _ngrams(caption)})
        return cls(len(references), counts)

    def save(self, path: Path) -> None:
        """Write them as JSON, under a temporary name first, which no other process has."""
        content = json.dumps({"num_images": self.num_images, "counts": dict(self.counts)})
        try:
            with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
                unfinished = Path(folder) / path.name
                unfinished.write_text(content, "utf-8")
                unfinished.replace(path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error

    @classmethod
    def load(cls, path: Path, max_bytes: int = MAX_BYTES) -> Self:
        """Read what `save` wrote.

        Raises:
            ValueError: The file is missing, larger than `max_bytes`, or was not written by `save`.
        """
        _, text = read_text(path, max_bytes)
        try:
            fields = parse_json(text, path)
            num_images, counts = fields["num_images"], fields["counts"]
            numbers = [num_images, *counts.values()]
            usable = all(0 < number <= num_images and isinstance(number, int) for number in numbers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path}: expected document frequencies that DocumentFrequencies.save wrote, got another file; name one"
            ) from error
        if not usable:
            raise ValueError(f"{path}: expected counts between 1 and num_images={num_images}; write the file again")
        return cls(num_images, counts)


def _ngrams(caption: Tokens) -> list[str]:
    return [
        " ".join(caption[start : start + order])
        for order in range(1, MAX_ORDER + 1)
        for start in range(len(caption) - order + 1)
    ]
