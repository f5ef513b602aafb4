"""Settings of `data=images`, checked."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from datamodules.annotations.columns import Columns
from utils.suggestions import did_you_mean

COLUMNS = ("image", "captions", "split")
USUAL_NAMES: Mapping[str, None] = MappingProxyType(dict.fromkeys(COLUMNS))


def columns_of(settings: Mapping[str, str | Sequence[str] | None]) -> Columns:
    """Return the names of columns that settings give.

    Raises:
        ValueError: A setting is of another column, or not a name.
    """
    for name, value in settings.items():
        if name not in COLUMNS:
            raise ValueError(
                f"data.columns.{name}: expected one of {', '.join(COLUMNS)}{did_you_mean(name, COLUMNS)}; rename it"
            )
        several = name == "captions" and isinstance(value, Sequence)
        if value is not None and not isinstance(value, str) and not several:
            raise ValueError(f"data.columns.{name} must be the name of a column, got {value!r}")
    image, captions, split = (settings.get(name) for name in COLUMNS)
    texts = (captions,) if isinstance(captions, str) else tuple(captions or ())
    return Columns(image, texts, split)  # type: ignore[arg-type]
