"""What the pages take from the code when they are built: settings, options, command lines and contracts.

A line or a table cell of a page may hold one of these marks:

    {{ options: GROUP }}     the options of a group of settings
    {{ settings }}           for each file under `conf/` its options and keys, with their comments
    {{ help: SCRIPT }}       what `python SCRIPT.py --help` prints
    {{ contract: CLASS }}    the docstring of a class, by its full name
"""

import contextlib
import inspect
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any
from unittest.mock import patch

import yaml
from hydra.utils import get_object

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
MARK = re.compile(r"(?m)(^ *)?\{\{ (options|settings|help|contract)(?:: ([\w./]+))? \}\}")
COMMENT = re.compile(r"\s*#\s?(.*)")
PACKAGE = re.compile(r"# @package (\S+)")
HELP_WIDTH = 100  # columns


@dataclass(frozen=True)
class Setting:
    """A key of a file of settings.

    Attributes:
        key: Its full name, as on the command line.
        value: Its value as the file writes it; for a part that is built, its class.
        meaning: The comment on its line, or above it; where there is none, what the docstring of this project's class
            that takes it tells of it.
    """

    key: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Option:
    """A file of settings.

    Attributes:
        group: The folder, such as `model/encoder`; empty for those of the scripts, such as `train.yaml`.
        name: The file's name.
        about: The comment at its head, line by line.
        target: The class that it builds; empty for none.
        chooses: The entries of its `defaults`, as on the command line; those without a group are what it begins with.
        settings: Its own keys.
    """

    group: str
    name: str
    about: tuple[str, ...]
    target: str
    chooses: tuple[str, ...]
    settings: tuple[Setting, ...]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put what the code says in place of the marks of a page; called by MkDocs."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return MARK.sub(lambda mark: indent(_written(mark[2], mark[3] or ""), mark[1] or ""), markdown)


def _written(kind: str, name: str) -> str:
    if kind == "options":
        return ", ".join(f"[`{option.name}`](#{_anchor(option)})" for option in options_of(name))
    if kind == "settings":
        return "\n".join(_settings())
    text = help_of(name) if kind == "help" else inspect.getdoc(get_object(name)) or ""
    return f"```text\n{text.rstrip()}\n```"


def groups() -> list[str]:
    """Return the groups of settings: the folders under `conf/` that hold options."""
    return sorted({path.parent.relative_to(CONF).as_posix() for path in CONF.glob("*/**/*.yaml")})


def options_of(group: str) -> list[Option]:
    """Return the options of a group; of "." the configs of the scripts.

    Raises:
        ValueError: There is no such group.
    """
    files = sorted((CONF / group).glob("*.yaml"))
    if not files:
        raise ValueError(f"there is no group of settings {group!r}; the groups are {', '.join(groups())}")
    return [read_option(file) for file in files]


def help_of(script: str) -> str:
    """Return what a script that reads its command line by argparse prints for `--help`."""
    parsers = {"caption": "captioning.arguments", "draw": "drawing.arguments"}
    parse = get_object(f"{parsers.get(script, script)}.parse_arguments")
    printed = io.StringIO()
    plain = {"COLUMNS": str(HELP_WIDTH), "NO_COLOR": "1"}
    with (
        patch.object(sys, "argv", [f"{script}.py"]),
        patch.dict(os.environ, plain),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        parse(["--help"])
    return printed.getvalue()


def read_option(file: Path) -> Option:
    """Read a file of settings with its comments."""
    text = file.read_text(encoding="utf-8")
    group = "" if file.parent == CONF else file.parent.relative_to(CONF).as_posix()
    package = PACKAGE.search(text)
    prefix = group.replace("/", ".") if package is None else package[1].replace("_global_", "")
    lines = text.splitlines()
    content: Mapping[str, Any] = yaml.safe_load(text) or {}
    root = yaml.compose(text, yaml.SafeLoader)
    first_key = root.start_mark.line if isinstance(root, yaml.MappingNode) and root.value else len(lines)
    about = [COMMENT.fullmatch(line)[1] for line in lines[:first_key] if COMMENT.fullmatch(line)]  # type: ignore[index]
    chooses = tuple(_choice(entry) for entry in content.get("defaults", []) if entry != "_self_")
    begins = [read_option(file.with_name(f"{name}.yaml")) for name in chooses if _is_beside(file, name)]
    target = str(content.get("_target_", "")) or next((option.target for option in begins), "")
    settings = list(_read(root, lines, prefix, target, first_key)) if isinstance(root, yaml.MappingNode) else []
    return Option(
        group=group,
        name=file.stem,
        about=tuple(line for line in about if not line.startswith("@package")),
        target=target,
        chooses=chooses,
        settings=tuple(setting for setting in settings if setting.key.split(".")[-1][0] != "_"),
    )


def _is_beside(file: Path, name: str) -> bool:
    """Return whether an entry of `defaults` is another option of the same group, to begin with."""
    return "=" not in name and file.with_name(f"{name}.yaml").is_file()


def _choice(entry: str | Mapping[str, Any]) -> str:
    if isinstance(entry, str):
        return entry
    (group, option), *_ = entry.items()
    name = group.removeprefix("override ").lstrip("/").split("@_global_.")[0]
    own, _, package = name.partition("@")
    name = own if package.endswith(f".{own.replace('/', '.')}") else name  # its settings stand where they always do
    return f"{name}={'null' if option is None else option}"


def _read(node: yaml.MappingNode, lines: list[str], prefix: str, target: str = "", after: int = 0) -> Iterator[Setting]:
    """Yield the keys of a mapping, and below each the keys within it; comments before line `after` belong to none."""
    for key_node, value in node.value:
        if key_node.value == "defaults" and key_node.start_mark.column == 0:
            continue
        key = f"{prefix}.{key_node.value}".lstrip(".")
        meaning = _meaning(key_node, value, lines, after) or _arguments_of(target).get(key_node.value, "")
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            part = next((of.value for name, of in value.value if name.value == "_target_"), "")
            if part or meaning:
                yield Setting(key, part, meaning or _summary_of(part))
            yield from _read(value, lines, key, part)
        elif isinstance(value, yaml.SequenceNode) and not value.flow_style:
            yield Setting(key, _one_line(yaml.serialize(value)), meaning)
        else:
            yield Setting(key, lines[value.start_mark.line][value.start_mark.column : _end(value)], meaning)


def _end(value: yaml.Node) -> int:
    assert value.start_mark.line == value.end_mark.line, f"line {value.start_mark.line}: a value of several lines"
    return int(value.end_mark.column)


def _one_line(text: str) -> str:
    flow = yaml.safe_dump(yaml.safe_load(text), default_flow_style=True, width=10_000, sort_keys=False)
    return flow.strip()


def _meaning(key: yaml.Node, value: yaml.Node, lines: list[str], after: int) -> str:
    """Return the comment on a key's line, or else the one right above it."""
    line = key.start_mark.line
    is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
    rest = lines[line][key.end_mark.column + 1 if is_block else _end(value) :]
    beside = COMMENT.fullmatch(rest)
    above: list[str] = []
    while line > after and (comment := COMMENT.fullmatch(lines[line - 1])) is not None:
        above.insert(0, comment[1])
        line -= 1
    return " ".join([*above, *([beside[1]] if beside else [])])


@cache
def _arguments_of(target: str) -> Mapping[str, str]:
    """Return what the docstring of a class or function tells of its arguments, those of its bases too.

    Of other projects, such as Lightning's `Trainer`, the first sentence.
    """
    if not target:
        return {}
    built = get_object(target)
    kinds = reversed(inspect.getmro(built)) if isinstance(built, type) else (built,)
    found: dict[str, str] = {}
    for kind in kinds:
        texts = [inspect.cleandoc(of.__doc__ or "") for of in (kind, getattr(kind, "__init__", kind))]
        for section in re.findall(r"(?ms)^Args:\n\n?(.*?)(?=^\S|\Z)", "\n\n".join(texts)):
            for name, meaning in re.findall(r"(?ms)^    (\w+)(?: \([^)]*\))?: (.*?)(?=^    \S|\Z)", section):
                found[name] = " ".join(meaning.split())
    return found if _is_ours(target) else {name: _first_sentence(meaning) for name, meaning in found.items()}


def _is_ours(target: str) -> bool:
    return (ROOT / target.split(".")[0]).is_dir()


def _first_sentence(text: str) -> str:
    """Return the first sentence of another project's docstring, its markup as Markdown's."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text.replace("``", "`"))
    text = re.sub(r" \(default: [^)]*\)", "", text)  # here the files have their own
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def _summary_of(target: str) -> str:
    """Return the first paragraph of the docstring of a class or function of this project."""
    if not target or not _is_ours(target):
        return ""
    return " ".join((inspect.getdoc(get_object(target)) or "").split("\n\n")[0].split())


@cache
def _meanings() -> Mapping[str, str]:
    """Return what the files tell of keys, by name: for those files that set a key of another one."""
    options = [option for group in [".", *groups()] for option in options_of(group)]
    return {setting.key: setting.meaning for option in options for setting in option.settings if setting.meaning}


def _settings() -> Iterator[str]:
    """Yield the lines of the whole reference, group by group."""
    for group in [".", *groups()]:
        yield f"### {'Keys of train.py, evaluate.py and write_shards.py' if group == '.' else f'`{group}`'}\n"
        for option in options_of(group):
            yield from _section(option)


def _section(option: Option) -> Iterator[str]:
    title = f"{option.group}={option.name}" if option.group else f"{option.name}.yaml"
    yield f"#### `{title}` {{ #{_anchor(option)} }}\n"
    yield from _about(option.about)
    begins = [choice for choice in option.chooses if "=" not in choice]
    chosen = [choice for choice in option.chooses if "=" in choice]
    if option.target:
        summary = _summary_of(option.target)
        yield f"Builds `{option.target}`" + (f": {_prose(summary)}\n" if summary else ".\n")
    if begins:
        yield f"Begins with {' and '.join(f'`{name}`' for name in begins)}; the keys below differ from it.\n"
    if chosen:
        yield f"Chooses {', '.join(f'`{choice}`' for choice in chosen)}.\n"
    if option.settings:
        yield "| key | value | meaning |\n|---|---|---|"
        for setting in option.settings:
            value = f"`{_cell(setting.value)}`" if setting.value else ""
            meaning = setting.meaning or _meanings().get(setting.key, "")
            yield f"| `{setting.key}` | {value} | {_prose(_cell(meaning))} |"
        yield ""


def _about(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the comment at the head of a file: its text as paragraphs, its indented commands as code."""
    paragraph: list[str] = []
    for line in [*lines, ""]:
        is_code = line.startswith("  ")
        if paragraph and (not line or is_code != paragraph[0].startswith("  ")):
            code = paragraph[0].startswith("  ")
            yield "\n".join(f"    {part.strip()}" for part in paragraph) if code else _prose(" ".join(paragraph))
            yield ""
            paragraph = []
        if line:
            paragraph.append(line)


def _anchor(option: Option) -> str:
    return "-".join([*option.group.split("/"), option.name] if option.group else ["root", option.name])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    """Return a comment as Markdown shows it word for word."""
    parts = text.split("`")  # what is between backticks is code already
    parts[::2] = [re.sub(r"([*_<>\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
