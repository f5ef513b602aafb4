"""Which columns of a data set hold the images, captions and names, and whether they are of the right type."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from utils.suggestions import did_you_mean

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset


class Columns(NamedTuple):
    """The names of columns, each with the setting that it comes from.

    Attributes:
        image: Images: the library's, or encoded bytes, or paths.
        captions: Text, or lists of text; at least one column.
        id: Whole numbers or text, equal in the rows of one image; the image column for the path of its file.
        split: The part of the data set that a row belongs to, as text.
    """

    image: str
    captions: tuple[str, ...]
    id: str | None = None
    split: str | None = None


def columns_of(image: str, captions: str | Sequence[str], id: str | None, split: str | None = None) -> Columns:
    """Return the columns that settings name.

    Raises:
        ValueError: There is none of captions.
    """
    several = (captions,) if isinstance(captions, str) else (*captions,)
    if not several:
        raise ValueError("data.caption_columns must name at least one column, got none")
    return Columns(image, several, id, split)


def check_columns(splits: Mapping[str, "Dataset | IterableDataset"], columns: Columns, source: str) -> None:
    """Refuse a data set that lacks a column, or has one of another type, or of two types.

    Raises:
        ValueError: The setting, the split, and what is there instead.
    """
    needed: list[tuple[str, str, str, Callable[[Any], bool]]] = [
        ("data.image_column", columns.image, "images, encoded bytes or paths", _holds_images),
        *(("data.caption_columns", name, "text or lists of text", _holds_captions) for name in columns.captions),
    ]
    if columns.id not in (None, columns.image):
        needed.append(("data.id_column", str(columns.id), "text or whole numbers", _holds_ids))
    if columns.split is not None:
        needed.append(("data.split_column", columns.split, "text", _is_text))
    for setting, column, expected, fits in needed:
        types = {}
        for split, dataset in splits.items():
            types[split] = _type_of(dataset, column, f"{setting}={column}", split, source)
            if not fits(types[split]):
                raise ValueError(
                    f"{setting}={column}: expected {expected} in the split {split!r} of {source}, got {types[split]}; "
                    f"name another column"
                )
        if setting == "data.id_column" and len({_is_text(kind) for kind in types.values()}) > 1:
            kinds = ", ".join(f"{kind} in {split!r}" for split, kind in types.items())
            raise ValueError(f"{setting}={column}: expected one type in all splits of {source}, got {kinds}")


def _type_of(dataset: "Dataset | IterableDataset", column: str, setting: str, split: str, source: str) -> Any:
    if column not in dataset.column_names:
        there, meant = ", ".join(map(repr, dataset.column_names)), did_you_mean(column, dataset.column_names)
        raise ValueError(f"{setting}: the split {split!r} of {source} has no such column; choose one of {there}{meant}")
    return dataset.features.arrow_schema.field(column).type


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string")


def _holds_captions(kind: Any) -> bool:
    return _is_text(kind) or (hasattr(kind, "value_type") and "list" in str(kind) and _is_text(kind.value_type))


def _holds_ids(kind: Any) -> bool:
    return _is_text(kind) or str(kind).removeprefix("u").startswith("int")


def _holds_images(kind: Any) -> bool:
    if str(kind).startswith("struct<"):
        return {kind.field(number).name for number in range(kind.num_fields)} == {"bytes", "path"}
    return _is_text(kind) or str(kind) in ("binary", "large_binary")
