"""How much each caption of an image says what the image's other captions say: computed once, and kept in a file.

Shape legend: C captions of all images.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metrics.document_frequencies import DocumentFrequencies
from metrics.rewards import reward_frequencies, reward_tokens, similarity_to_others
from utils.cache_key import cache_key, sources_of
from utils.files import atomic_open, mapped
from utils.progress import progress_bar

CHUNK = 500  # images whose captions are compared at once


def consensus_or_load(captions: Sequence[Sequence[str]], *, cache_dir: Path) -> NDArray[np.float32]:
    """Return CIDEr-D of each caption with the other captions of its image as references: `consensus_C`.

    Document frequencies are those of the captions themselves, and the end of a caption is one of its words (see
    `metrics.rewards`). 0 where an image has no other caption.

    Args:
        captions: Of each image.
        cache_dir: Its folder `consensus` keeps the figures.
    """
    key = cache_key(code=[sources_of(__name__), sources_of("metrics.rewards")], captions=captions)
    path = cache_dir / "consensus" / f"{key}.float32"
    if not path.exists():
        with atomic_open(path, "wb") as file:
            file.write(_consensus(captions).tobytes())
    return np.array(mapped(path, np.float32, path.stat().st_size // 4))


def _consensus(captions: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    frequencies = reward_frequencies(captions)
    parts: list[NDArray[np.float32]] = []
    with progress_bar(total=len(captions), desc="consensus of captions", unit="image") as progress:
        for start in range(0, len(captions), CHUNK):
            chunk = captions[start : start + CHUNK]
            parts.append(_of_images(chunk, frequencies))
            progress.update(len(chunk))
    return np.concatenate(parts)


def _of_images(captions: Sequence[Sequence[str]], frequencies: DocumentFrequencies) -> NDArray[np.float32]:
    with_others = [[reward_tokens(caption) for caption in of_image] for of_image in captions if len(of_image) > 1]
    has_others_C = np.repeat([len(of_image) > 1 for of_image in captions], [len(of_image) for of_image in captions])
    consensus_C = np.zeros(len(has_others_C), np.float32)
    if with_others:
        consensus_C[has_others_C] = similarity_to_others(with_others, frequencies)
    return consensus_C
