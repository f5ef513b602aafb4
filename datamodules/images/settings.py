"""Settings of `data=images`, checked."""

from collections.abc import Mapping, Sequence

from datamodules.annotations.columns import Columns

COLUMNS = ("image", "captions", "split")


def columns_of(settings: Mapping[str, str | Sequence[str] | None] | None) -> Columns:
    """Return the names of columns that settings give.

    Raises:
        ValueError: A setting is of another column, or not a name.
    """
    settings = settings or {}
    for name, value in settings.items():
        if name not in COLUMNS:
            raise ValueError(f"data.columns.{name}: expected one of {', '.join(COLUMNS)}; rename it")
        several = name == "captions" and isinstance(value, Sequence)
        if value is not None and not isinstance(value, str) and not several:
            raise ValueError(f"data.columns.{name} must be the name of a column, got {value!r}")
    image, captions, split = (settings.get(name) for name in COLUMNS)
    texts = (captions,) if isinstance(captions, str) else tuple(captions or ())
    return Columns(image, texts, split)  # type: ignore[arg-type]


def check_views(cached_views: int, *, cache_features: bool, has_transform: bool) -> None:
    """Refuse views of training images that nothing keeps, and features of images that always change.

    Raises:
        ValueError: The settings are of such.
    """
    if cached_views < 1:
        raise ValueError(f"data.cached_views must be at least 1, got {cached_views}")
    if cached_views > 1 and not has_transform:
        raise ValueError(
            f"data.cached_views={cached_views} keeps features of images that data.train_transform changes; set it and "
            f"data.cache_features=true, or data.cached_views=1"
        )
    if cache_features and has_transform and cached_views == 1:
        raise ValueError(
            "data.cache_features=true keeps what the encoder sees of each image, which data.train_transform would "
            "change each time; set data.cached_views to the number of views to keep, or leave one of them out"
        )
