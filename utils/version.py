"""Which version of this project it is."""

from importlib.metadata import PackageNotFoundError, version


def facet_version() -> str:
    """Return this project's version; "unknown" where it was not installed."""
    try:
        return version("facet")
    except PackageNotFoundError:
        return "unknown"
