"""From options to a drawing strategy and a ranking: what conf/drawing and conf/drawing_ranking offer."""

import argparse

from captioning.strategy import Settings, load_option, set_key

DEFAULT_NUM = 4
NAMED = ("guidance", "temperature", "top_k", "top_p", "filter_thres")
"""Keys of strategies that have an option of their own."""


def drawing_settings(options: argparse.Namespace) -> Settings:
    """Return the settings of the strategy, with those that the command line changes.

    Raises:
        ValueError: The strategy has no such setting.
    """
    settings = load_option("drawing", options.strategy)
    for key in NAMED:
        value = getattr(options, key)
        if value is not None:
            set_key(settings, key, value, f"strategy {options.strategy}", f"--{key.replace('_', '-')}")
    return settings


def ranking_settings(options: argparse.Namespace) -> Settings | None:
    """Return the settings of the ranking that puts the best drawings first; None for none."""
    return None if options.rank is None else load_option("drawing_ranking", options.rank)


def number_of_drawings(options: argparse.Namespace) -> int:
    """Return how many images of each prompt are drawn.

    Raises:
        ValueError: It is no such number, or does not fit the strategy or the ranking.
    """
    greedy = options.strategy == "greedy"
    num: int = options.num if options.num is not None else 1 if greedy else DEFAULT_NUM
    if num < 1:
        raise ValueError(f"--num {num}: expected at least 1")
    if greedy and num > 1:
        raise ValueError(
            f"--num {num}: strategy greedy draws one image of a prompt, expected 1; leave it out, or choose --strategy "
            f"sample"
        )
    if options.keep is not None and options.rank is None:
        raise ValueError(f"--keep {options.keep}: expected --rank, by which the first are kept; add it")
    if options.keep is not None and not 1 <= options.keep <= num:
        raise ValueError(f"--keep {options.keep}: expected 1 to {num}, as many as are drawn of a prompt")
    return num
