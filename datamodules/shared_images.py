"""Finds images that two splits of a data set share under different names."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from datamodules.split import CaptionSplit, SplitName
from utils.display import SHOWN, listed


def shared_images(splits: Mapping[SplitName, CaptionSplit]) -> list[str]:
    """Return for each two splits that share images a sentence with their number and first names."""
    return [
        sentence
        for first, second in combinations(splits, 2)
        if (sentence := _shared(first, splits[first], second, splits[second])) is not None
    ]


def _shared(first: str, of_first: CaptionSplit, second: str, of_second: CaptionSplit) -> str | None:
    keys_NK, others_NK = of_second.image_keys, of_first.image_keys
    numbers = np.flatnonzero(np.asarray(np.isin(keys_NK, others_NK)).sum(axis=1))
    if not len(numbers):
        return None
    named = zip(of_first.image_names, others_NK.tolist(), strict=True)
    name_of_key = {key: name for name, keys in named for key in keys}
    pairs = []
    for number in numbers[:SHOWN].tolist():
        twin = next(name_of_key[key] for key in keys_NK[number].tolist() if key in name_of_key)
        pairs.append(f"{of_second.image_names[number]} = {twin}")
    return (
        f"{len(numbers)} of the {len(keys_NK)} {second} images are {first} images, too "
        f"({listed(pairs, len(numbers))}), which makes figures "
        f"of the {second} split too good; remove one of each pair"
    )
