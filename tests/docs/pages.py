"""The pages as tests read them: their fenced blocks, and the commands in these."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.tiny_run import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"(?ms)^(?P<mark> *<!-- run -->\n)?(?P<indent> *)```(?:\{\.)?(?P<language>\w+)\}?\n(?P<text>.*?)^(?P=indent)```$"
)
SNIPPET = re.compile(r'(?m)^--8<-- "([^":]+)"$')
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CONTINUED = re.compile(r"\\\n# *")
INDENTED = re.compile(r"(?m)^#   (python [^\\\n]+(?:\\\n[^\\\n]+)*)$")
IN_FULL = re.compile(r"(?s)python \w+\.py(?:(?! [A-Z_]+\b|=[A-Z_]+\b| --(?:help|cfg)\b)[^…])+")  # no FILE or … in it


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page's file.
        line: Where it begins.
        language: What the fence names.
        text: Its content, with included files in full.
        runs: Whether its commands are marked to be run for real.
    """

    page: Path
    line: int
    language: str
    text: str
    runs: bool

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a block of shell, each as its words; comments are left out."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(*languages: str) -> list[Block]:
    """Return the blocks in one of these languages, of all pages."""
    return [block for page in PAGES for block in _blocks_of(page) if block.language in languages]


def _blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        content = SNIPPET.sub(lambda name: (ROOT / name[1]).read_text(encoding="utf-8"), dedent(found["text"]))
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(page, line, found["language"], content, found["mark"] is not None)


def inline_codes() -> list[tuple[str, str]]:
    """Return what stands between single backticks, with its page; fenced blocks are left out."""
    texts = [(page.name, FENCE.sub("", page.read_text(encoding="utf-8"))) for page in PAGES]
    return [(name, code) for name, text in texts for code in INLINE.findall(text)]


def commands_in_text() -> dict[tuple[str, ...], str]:
    """Return the commands in full that no fence holds, each with its file: in backticks, and in comments of `conf/`."""
    found = {code: page for page, code in inline_codes()}
    for path in sorted((ROOT / "benchmarks").glob("*.md")):
        found |= dict.fromkeys(INLINE.findall(path.read_text(encoding="utf-8")), path.name)
    for path in sorted((ROOT / "conf").rglob("*.yaml")):
        found |= dict.fromkeys(INDENTED.findall(path.read_text(encoding="utf-8")), path.name)
    lines = {CONTINUED.sub(" ", code): name for code, name in found.items() if IN_FULL.fullmatch(code)}
    return {tuple(shlex.split(line)): name for line, name in lines.items()}


def jobs_of(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of a command line's one job; of a sweep, jobs that have all its values between them."""
    words = [word for word in overrides if word not in ("-m", "--multirun")]
    parsed = OverridesParser.create().parse_overrides(words)
    values = [
        [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
        if override.is_sweep_override()
        else [word]
        for word, override in zip(words, parsed, strict=True)
    ]
    most = max(map(len, values), default=1)
    return [[of_key[min(job, len(of_key) - 1)] for of_key in values] for job in range(most)]
