"""Which rows of a data set are of which split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from datamodules.caption_datamodule import SPLIT_NAMES, SplitName
from datamodules.hugging_face.reading import Parts
from datamodules.hugging_face.rows import Integers, image_of_rows, twins
from datamodules.random_split import proportions_of, split_by_proportion

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class SplitChoice:
    """How the rows of a data set are divided.

    Attributes:
        source: What errors call the data set.
        proportions: The shares of train, val and test of a random split; None for the data set's own.
        seed: Of the random split.
        names: What the data set calls each split.
        column: The column that has these names; None where they are those of its parts.
        parts: The parts that are used with a column or with proportions; None for all.
    """

    source: str
    proportions: Sequence[float] | None
    seed: int
    names: Mapping[SplitName, tuple[str, ...]]
    column: str | None
    parts: tuple[str, ...] | None

    @classmethod
    def of(
        cls,
        source: str,
        split: str | Sequence[float],
        names: Mapping[str, str | Sequence[str]],
        column: str | None,
        parts: Sequence[str] | None,
        seed: int,
    ) -> Self:
        """Return the choice that settings make.

        Raises:
            ValueError: One is out of range, they contradict each other, or do not name all three splits.
        """
        proportions = proportions_of(split)
        if proportions is not None and column is not None:
            raise ValueError(
                f"data.split={list(proportions)} deals images out at random, and data.split_column={column} says where "
                f"they belong; leave one of them out"
            )
        if proportions is None and column is None and parts is not None:
            raise ValueError(
                "data.source_splits is of data.split_column or of proportions in data.split; leave it out, or name the "
                "splits in data.split_names"
            )
        return cls(
            source=source,
            proportions=proportions,
            seed=seed,
            names=names_of_splits(names),
            column=column,
            parts=None if parts is None else _tuple(parts),
        )

    @property
    def of_parts(self) -> bool:
        """Whether the splits are parts of the data set."""
        return self.proportions is None and self.column is None

    def used(self, found: Mapping[str, "Dataset"]) -> list[str]:
        """Return the names of the parts of a data set that are needed.

        Raises:
            ValueError: One of them is not there, or has no rows.
        """
        needed = {part: f"data.split_names.{name}={part}" for name in SPLIT_NAMES for part in self.names[name]}
        if not self.of_parts:
            needed = {part: f"data.source_splits={part}" for part in self.parts or found}
        for part, setting in needed.items():
            there = ", ".join(map(repr, found))
            if part not in found:
                raise ValueError(
                    f"{setting}: {self.source} has no such split, only {there}; name one of them, or split at random "
                    f"with 'data.split=[0.8,0.1,0.1]'"
                )
            if not len(found[part]):
                raise ValueError(f"{setting}: expected rows in this split of {self.source}, got none; name another")
        return [*needed]

    def several(self, name: SplitName, num_used: int) -> bool:
        """Return whether rows of a split may be of several of the parts of the data set that are used."""
        return len(self.names[name]) > 1 if self.of_parts else num_used > 1


def names_of_splits(names: Mapping[str, str | Sequence[str]]) -> dict[SplitName, tuple[str, ...]]:
    """Return what a data set calls each of the three splits.

    Raises:
        ValueError: One of them has no name, or there are others.
    """
    given = {name: _tuple(value) for name, value in names.items()}
    if given.keys() != {*SPLIT_NAMES} or not all(given.values()):
        raise ValueError(
            f"data.split_names must name what the data set calls train, val and test, got "
            f"{ {name: [*value] for name, value in given.items()} }"
        )
    return {name: given[name] for name in SPLIT_NAMES}


def rows_of_splits(choice: SplitChoice, parts: Parts, used: Mapping[str, "Dataset"]) -> dict[SplitName, Integers]:
    """Return the numbers of each split's rows among all rows, increasing.

    Raises:
        ValueError: A split has none.
    """
    if choice.proportions is not None:
        return _at_random(choice, parts)
    labels_R = np.repeat([*used], [len(split) for split in used.values()])
    if choice.column is not None:
        labels_R = np.concatenate([np.asarray(split[choice.column][:], dtype=object) for split in used.values()])
    chosen: dict[SplitName, Integers] = {}
    for name, names in choice.names.items():
        chosen[name] = np.flatnonzero(np.isin(labels_R.astype(str), names))
        if not len(chosen[name]):
            there = ", ".join(sorted(map(repr, {*labels_R.astype(str).tolist()}))[:10])
            raise ValueError(
                f"data.split_names.{name}={','.join(names)}: no row of {choice.source} has that in the column "
                f"{choice.column!r}, only {there}; name one of them"
            )
    return chosen


def _at_random(choice: SplitChoice, parts: Parts) -> dict[SplitName, Integers]:
    """Deal images out, those with the same pixels together; also those that cannot be used, so that none moves."""
    assert choice.proportions is not None
    image_R = image_of_rows(parts.rows)
    first_N = twins(image_R, parts.rows.keys_R2)
    dealt = split_by_proportion(np.unique(first_N).tolist(), choice.proportions, choice.seed)
    return {
        name: np.flatnonzero(np.isin(first_N, images)[image_R]) for name, images in zip(SPLIT_NAMES, dealt, strict=True)
    }


def _tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
