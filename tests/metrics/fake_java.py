"""Stands in for a Java runtime: a script of a given behaviour that is called as `java` is."""

import sys
from pathlib import Path

METEOR = """
for line in sys.stdin:
    kind, *fields = (part.strip() for part in line.rstrip("\\n").split("|||"))
    if kind == "SCORE":
        words = fields[-1].split()
        best = max(len(set(words) & set(reference.split())) for reference in fields[:-1])
        print(best, len(words), flush=True)
    else:
        shares = [field.split() for field in fields]
        print(*(int(best) / max(int(words), 1) for best, words in shares), sep="\\n")
        print(sum(int(best) for best, _ in shares) / sum(int(words) for _, words in shares), flush=True)
"""
"""The protocol of meteor-1.5.jar with a plain measure: the share of a candidate's words that the best reference has."""


def install_java(folder: Path, behaviour: str) -> Path:
    """Write an executable `java` that runs a Python program, which may use `sys`, `os`, `json` and `time`."""
    folder.mkdir(parents=True, exist_ok=True)
    java = folder / "java"
    java.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{behaviour}\n", "utf-8")
    java.chmod(0o755)
    return java


COMMA = "print('Exception in thread main java.util.InputMismatchException', file=sys.stderr); sys.exit(1)"
"""What meteor-1.5.jar does where decimals have a comma."""


def install_meteor(folder: Path, behaviour: str = METEOR) -> dict[str, str]:
    """Write a `java` and a `meteor-1.5.jar`, and return them as arguments by name."""
    jar = folder / "meteor-1.5.jar"
    java = install_java(folder, behaviour)
    jar.touch()
    return {"jar": str(jar), "java": str(java)}
