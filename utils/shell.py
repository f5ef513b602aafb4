"""Commands that can be pasted into a shell as they are printed, whatever is in their paths."""

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from utils.scripts import script_words


def hydra_command(script: str, **settings: str | Path) -> str:
    """Return a command line of one of the scripts that are configured by Hydra, such as `python train.py seed=1`.

    Args:
        script: Its file's name.
        settings: Keys and the texts that they are to be set to.
    """
    return " ".join([*script_words(script), *(shell_override(key, str(value)) for key, value in settings.items())])


def shell_override(key: str, value: str) -> str:
    """Return what sets a key to a text on the command line of such a script: `resume="'a, b'"`."""
    return f"{key}={_quoted(override(key, value).removeprefix(f'{key}='))}"


def shell_command(*words: str | Path) -> str:
    """Return a command line of these words."""
    return " ".join(_quoted(str(word)) for word in words)


def _quoted(word: str) -> str:
    """Quote for a shell; by double quotes where that can be read more easily."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def override(key: str, value: str) -> str:
    """Return what sets a key to a text, whatever is in it, in Hydra's grammar and without the shell's quotes."""
    plain = f"{key}={value}"
    return plain if _reads_as(plain, value) else f"{key}='{_escaped(value)}'"


def _escaped(value: str) -> str:
    """Escape what begins an interpolation, then quotes; backslashes before either are doubled, as the parsers want."""
    value = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    value = re.sub(r"(\\*)'", r"\1\1\\'", value)
    return re.sub(r"(\\+)$", r"\1\1", value)


def _reads_as(text: str, value: str) -> bool:
    try:
        parsed = OverridesParser.create().parse_override(text)
        read = OmegaConf.create({"value": parsed.value()})["value"]
    except Exception:  # of many kinds, for it may be a number, a list, a sweep, an interpolation …
        return False
    return isinstance(read, str) and read == value


def refuse_unreadable(script: str, arguments: Sequence[str]) -> None:
    """End with one line that shows how to quote it where Hydra's grammar does not take a value as it is."""
    for argument in overrides_of(arguments):
        key, equals, value = argument.partition("=")
        if not equals or _is_readable(argument) or not _is_readable(f"{key}=x"):
            continue
        command = hydra_command(script, **{key: value.strip("\"'")})
        print(f"error: {argument}: Hydra cannot read this value; quote it twice: {command}", file=sys.stderr)
        raise SystemExit(1)


def overrides_of(arguments: Sequence[str]) -> Iterable[str]:
    """Return which of a command line's arguments set something, as Hydra itself tells them from options."""
    options, _ = get_args_parser().parse_known_args([*arguments])
    return [argument for argument in options.overrides if not argument.startswith("-")]


def _is_readable(text: str) -> bool:
    try:
        OverridesParser.create().parse_override(text)
    except HydraException:
        return False
    return True
