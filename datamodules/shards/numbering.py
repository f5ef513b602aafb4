"""The number of each image of a collection in shards, by which outputs name it.

Shape legend: N samples of a split, M samples of the whole collection.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from datamodules.shards.split_index import SplitIndex
from datamodules.split import SplitName


def number_images(indices: Mapping[SplitName, SplitIndex]) -> dict[SplitName, NDArray[np.int64]]:
    """Return the numbers of the samples of each split, [N], unique in the whole collection.

    They are those that the samples give (`image_id`); where some give none, the numbers that the samples' names are, if
    all are and no two are the same; else 0, 1, 2, … in the order of train, val and test.

    Raises:
        ValueError: Two samples give the same number.
    """
    borders = np.cumsum([len(index) for index in indices.values()])[:-1]
    given_M = np.concatenate([index["image_id"] for index in indices.values()])
    named_M = np.concatenate([index["name_number"] for index in indices.values()])
    if (given_M >= 0).all():
        _refuse_repeated(indices, given_M)
        numbers_M = given_M
    elif (named_M >= 0).all() and len(np.unique(named_M)) == len(named_M):
        numbers_M = named_M
    else:
        numbers_M = np.arange(len(given_M))
    return dict(zip(indices, np.split(numbers_M, borders), strict=True))


def _refuse_repeated(indices: Mapping[SplitName, SplitIndex], numbers_M: NDArray[np.int64]) -> None:
    order_M = np.argsort(numbers_M, kind="stable")
    repeated = np.flatnonzero(np.diff(numbers_M[order_M]) == 0)
    if len(repeated):
        first, second = (_place(indices, int(order_M[repeated[0] + step])) for step in (0, 1))
        raise ValueError(
            f"{second}: expected an image_id of its own for each sample, got {numbers_M[order_M[repeated[0]]]} as of "
            f"{first}; {len(repeated)} samples repeat one: change the numbers, or remove the samples"
        )


def _place(indices: Mapping[SplitName, SplitIndex], number: int) -> str:
    """Return the shard and the name of a sample of the collection."""
    for index in indices.values():
        if number < len(index):
            return f"{index.shards[index.shard_of(number)]}: {index.names[number] or index['image_id'][number]}"
        number -= len(index)
    raise AssertionError(number)
