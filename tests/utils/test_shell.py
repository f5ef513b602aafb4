"""Printed commands: a shell and Hydra read out of them what was put in."""

import random
import re
import subprocess
import sys

import hydra
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from launch.sweeps import with_sweeps
from utils.shell import hydra_command, refuse_unreadable, shell_command

PATHS = (
    "/runs/2026-01-31/12-00-00",
    "/runs/my run, lr=0.1",
    "a'b",
    'a"b',
    'it\'s "both"',
    "back\\slash\\",
    "\\'",
    "a\\\\'b",
    "$HOME",
    "${seed}",
    "\\${seed}",
    "\\\\${oc.env:HOME}",
    "(a)[b]{c}",
    "choice(1,2)",
    "café 日本 👍",
    " around ",
    "tab\there",
    "two\nlines",
    "1",
    "1e3",
    "null",
    "True",
    "[a]",
    "{a:1}",
    "~/x",
    "a;b&c|d",
    "a`ls`b",
    "!x",
    "#x",
    "*?",
    "<>",
    "a:b",
    "-x",
    "=",
    "",
    "'",
    "''",
    "'a'",
)
ALPHABET = "ab1 '\"\\${}()=,~#&;|*[]:é\t"


def words_of(commands: list[str]) -> list[list[str]]:
    """Return the words after `python` of each command, as sh understands them."""
    script = "\n".join(["python() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }", *commands])
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode()
    return [words.split("\0")[:-1] for words in printed.split("\1\0")[:-1]]


def value_of(override: str) -> object:
    parsed = OverridesParser.create().parse_override(override)
    return OmegaConf.create({"value": parsed.value(), "seed": 1})["value"]


def test_sh_and_hydra_read_the_path_that_was_printed() -> None:
    draw = random.Random(0)
    paths = [*PATHS, *("".join(draw.choices(ALPHABET, k=draw.randint(1, 12))) for _ in range(500))]
    words = words_of([hydra_command("train.py", resume=path) for path in paths])
    assert [len(each) for each in words] == [2] * len(paths)
    assert [value_of(override) for _, override in words] == paths
    assert words_of([shell_command("python", path) for path in paths]) == [[path] for path in paths]


def test_what_needs_no_quotes_has_none() -> None:
    assert hydra_command("train.py", resume="/runs/1/last.ckpt") == "python train.py resume=/runs/1/last.ckpt"
    assert hydra_command("train.py", resume="/my run") == "python train.py resume='/my run'"
    assert hydra_command("train.py", resume="/a, b") == "python train.py resume=\"'/a, b'\""


@pytest.mark.parametrize("value", ["/runs/my run, lr=0.1", "a=b", "~/x", "(a)", "a b=c", "it's", "naïve=1", "$(x)"])
def test_a_value_that_hydra_cannot_read_is_shown_in_quotes(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-m", "seed=1,2", f"resume={value}", "--config-name", "train"]
    with pytest.raises(SystemExit, match="1"):
        refuse_unreadable("train.py", arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: resume={value}: Hydra cannot read this value; quote it twice: python ")
    ((_, override),) = words_of([line.split("quote it twice: ")[1]])
    assert value_of(override) == value


def test_what_hydra_reads_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = ["-m", "a=1,2", "+b=choice(1,2)", "~c", "d='e=f'", "g=[1,2]", "--cfg", "job", "h=${a}", "nonsense", "=x"]
    refuse_unreadable("train.py", fine)

    # every script that Hydra configures asks
    script = with_sweeps(hydra.main(version_base="1.3")(lambda config: None))
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "checkpoint=a=b"])
    with pytest.raises(SystemExit, match="1"):
        script()


def test_no_printed_command_is_put_together_by_hand() -> None:
    from tests.test_architecture import SOURCES

    by_hand = re.compile(r"(python \w+\.py|tensorboard --logdir) [^\"]*\{")
    assert [path.name for path in SOURCES if by_hand.search(path.read_text(encoding="utf-8"))] == []
