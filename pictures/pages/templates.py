"""The templates of pages: whatever captions and names contain is shown as text."""

import re

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pictures.pages.data_uri import data_uri
from pictures.pages.overlay import overlays


def templates_of(package: str) -> Environment:
    """Return the templates that a package holds, and beside them those that all pages share."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("pictures.pages", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "picture": data_uri,
        "overlays": overlays,
        "percent": percent,
        "nat": nats,
        "signed": signed,
        "breakable": breakable,
    }
    return environment


def breakable(name: str) -> Markup:
    """Return the name of a score that may be broken after its strokes, rather than within a word."""
    return Markup("<wbr>").join(re.findall(r"[^/_]+[/_]*|[/_]+", name))


def percent(probability: float) -> str:
    """Return a probability in whole percent; never 0 % or 100 % of what is only nearly so."""
    if probability < 0.01:
        return "<1%"
    return ">99%" if 0.99 < probability < 1 else f"{probability:.0%}"


def nats(value: float) -> str:
    """Return a log probability."""
    return f"{value:.1f}".replace("-", "−")


def signed(value: float) -> str:
    """Return a number with its sign, 0 without."""
    return f"{value:+.2g}".replace("-", "−") if value else "0"
