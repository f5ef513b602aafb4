"""How many captions our Penn Treebank tokenizer splits as coco-caption's Java program does, and how fast both are.

    python benchmarks/ptb_parity.py CAPTIONS_FILE [--jar PATH] [--out ptb_parity.json]

The file holds one caption a line, or is of Flickr8k's form (`image.jpg#0<TAB>caption`). Needs Java, and the file
`stanford-corenlp-3.4.1.jar`: that of `--jar`, of the environment variable FACET_PTB_JAR, or of an installed
`pycocoevalcap`. Prints a table and every disagreement, and writes both as JSON.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import parser_with_out, print_table, write_figures
from metrics.ptb_tokenizer import PUNCTUATION, ptb_tokenize

JAR = "stanford-corenlp-3.4.1.jar"
FLICKR_KEY = re.compile(r"[^\t]*#\d+\t")
OTHER_ENDS_OF_LINES = re.compile("[\r\x0b\x0c\u2028\u2029]")  # for Java, so that lines would not be captions


def find_jar() -> Path | None:
    """Return where the tokenizer's jar file is, by environment variable or package, or None."""
    if "FACET_PTB_JAR" in os.environ:
        return Path(os.environ["FACET_PTB_JAR"])
    package = importlib.util.find_spec("pycocoevalcap")
    folders = package.submodule_search_locations if package else None
    jars = [Path(folder) / "tokenizer" / JAR for folder in folders or ()]
    return next((jar for jar in jars if jar.exists()), None)


def java_tokens(captions: Sequence[str], jar: Path) -> list[tuple[str, ...]]:
    """Return the tokens of each caption as coco-caption's `PTBTokenizer.tokenize` makes them.

    Args:
        captions: Texts; ends of lines in them count as spaces.
        jar: `stanford-corenlp-3.4.1.jar`.

    Raises:
        ValueError: The program gives another number of lines than there are captions.
    """
    lines = [OTHER_ENDS_OF_LINES.sub(" ", caption.replace("\n", " ")) for caption in captions]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "captions.txt"
        file.write_bytes("\n".join(lines).encode())
        command = ["java", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
        run = subprocess.run([*command, str(file)], capture_output=True, check=True)
    output = run.stdout.decode().split("\n")
    if not len(lines) <= len(output) <= len(lines) + 1:
        raise ValueError(f"expected a line of tokens for each of {len(lines)} captions, got {len(output)}")
    tokens = [line.rstrip().split(" ") for line in output[: len(lines)]]
    return [tuple(token for token in line if token and token not in PUNCTUATION) for line in tokens]


def read_captions(path: Path) -> list[str]:
    """Return the captions of a text file, one a line, without Flickr8k's keys."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [FLICKR_KEY.sub("", line.rstrip("\n"), count=1) for line in file]


def compare(captions: Sequence[str], jar: Path) -> dict[str, object]:
    """Return the agreement, both rates and every disagreement."""
    start = time.perf_counter()
    theirs = java_tokens(captions, jar)
    java_seconds = time.perf_counter() - start
    start = time.perf_counter()
    ours = [ptb_tokenize.__wrapped__(caption) for caption in captions]  # without its cache
    our_seconds = time.perf_counter() - start
    disagreements = [
        {"line": i + 1, "caption": caption, "ours": " ".join(mine), "java": " ".join(java)}
        for i, (caption, mine, java) in enumerate(zip(captions, ours, theirs, strict=True))
        if mine != java
    ]
    return {
        "captions": len(captions),
        "agree": len(captions) - len(disagreements),
        "share": 1 - len(disagreements) / len(captions),
        "our_captions_per_second": len(captions) / our_seconds,
        "java_captions_per_second_with_start": len(captions) / java_seconds,
        "disagreements": disagreements,
    }


def show(figures: dict[str, object]) -> None:
    """Print figures as a table, and disagreements below it."""
    numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    rows = [
        (name.replace("_", " "), f"{value:,.6f}" if name == "share" else f"{value:,.0f}")
        for name, value in numbers.items()
    ]
    print_table(("figure", "value"), rows, "Penn Treebank tokens, ours and Java's")
    disagreements = figures["disagreements"]
    assert isinstance(disagreements, list)
    for case in disagreements:
        print(f"{case['line']}: {case['caption']!r}\n  ours {case['ours']!r}\n  java {case['java']!r}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare on the file that the command line names."""
    parser = parser_with_out("Compare our Penn Treebank tokens with coco-caption's.", "ptb_parity.json")
    parser.add_argument("captions", type=Path, help="one caption a line, or Flickr8k's token file")
    parser.add_argument("--jar", type=Path, default=find_jar(), help=f"where {JAR} is")
    options = parser.parse_args(arguments)
    if options.jar is None or not options.jar.exists():
        parser.error(f"expected {JAR} at --jar, at FACET_PTB_JAR or in pycocoevalcap, got {options.jar}")
    if shutil.which("java") is None:
        parser.error("expected the program java on the path, found none")
    captions = read_captions(options.captions)
    if not captions:
        parser.error(f"expected captions in {options.captions}, got an empty file")
    figures = compare(captions, options.jar)
    show(figures)
    write_figures(options.out, {"file": options.captions.name} | figures)


if __name__ == "__main__":
    main()
