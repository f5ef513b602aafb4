"""Whether runs that are killed at random go on bit for bit, and whether every damaged checkpoint is found out.

    python benchmarks/faults.py [--kills 60] [--settings 40] [--corruptions 1600] [--out faults.json]

Small runs are killed (SIGKILL) at random places, in training, validation, saving and test, go on, are killed again, and
at the end are compared with a run that nothing happened to: every loss, learning rate and image, the weights, the
optimizer's moments, the best score, TensorBoard's points. Runs with random settings of the trainer are killed, stopped
(SIGTERM, Ctrl-C), and ended by one limit and prolonged to another. Then copies of a checkpoint are damaged at random.
Prints tables, writes JSON.
"""

import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import parser_with_out, print_table, write_figures
from lightning_modules.checkpoints.durable_io import read_intact
from tests.faults.corruption import DAMAGE, outcome
from tests.faults.killing import VARIANTS, Reference
from tests.faults.random_settings import draw_limits, draw_settings

MOST_KILLS = 5  # of one run
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def kill_runs(folder: Path, variant: str, kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill runs of one variant until they have been killed often enough; return the figures."""
    started = time.perf_counter()
    reference = Reference.of(folder, variant)
    total: Counter[str] = Counter()
    differing: list[str] = []
    while total["kills"] < kills:
        found = reference.killed(f"run{total['runs']}", draw, most_kills=min(MOST_KILLS, kills - total["kills"]))
        total.update(runs=1, kills=found.kills, steps=found.steps)
        differing += found.differing
    return {**total, "differing": differing, "seconds": round(time.perf_counter() - started, 1)}


def end_runs(folder: Path, number: int, draw: random.Random) -> dict[str, Any]:
    """Draw settings; kill and stop such a run, or end it early and prolong it, by turns; return the figures."""
    prolongs = number % 2 == 1
    is_validated_more = prolongs and draw.random() < 1 / 3
    settings = draw_settings(draw, scheduler="constant" if prolongs else None, is_validated_more=is_validated_more)
    reference = Reference(folder, settings)
    if prolongs:
        limits = draw_limits(draw, reference.num_batches, is_validated_more=is_validated_more)
        found = reference.prolonged("prolonged", limits, validated=is_validated_more)
    else:
        found = reference.killed("killed", draw, most_kills=3, signals=SIGNALS)
    differing = [f"{' '.join(settings)}: {what}" for what in found.differing]
    return {"kills": found.kills, "steps": found.steps, "differing": differing}


def damage_checkpoint(checkpoint: Path, trials: int, draw: random.Random) -> dict[str, dict[str, int]]:
    """Damage a checkpoint in every way equally often; return how often each outcome was seen."""
    content, original = checkpoint.read_bytes(), read_intact(checkpoint)
    damaged = checkpoint.with_name("damaged.ckpt")
    found = {kind: Counter[str](detected=0, harmless=0, misread=0) for kind in DAMAGE}
    for number in range(trials):
        kind = [*DAMAGE][number % len(DAMAGE)]
        found[kind][outcome(content, kind, draw, original=original, path=damaged)] += 1
    return {kind: dict(counts) for kind, counts in found.items()}


def show(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print one row for each key."""
    columns = [*next(iter(rows.values()))]
    cells = [
        (name, *(str(len(row[key]) if isinstance(row[key], list) else row[key]) for key in columns))
        for name, row in rows.items()
    ]
    print_table(("", *columns), cells, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do all of it; exit code 1 where something differs or was misread."""
    parser = parser_with_out("Kill training runs and damage checkpoints.", "faults.json")
    parser.add_argument("--kills", type=int, default=60, help="over all variants of runs (60)")
    parser.add_argument("--settings", type=int, default=40, help="of the trainer, drawn at random (40)")
    parser.add_argument("--corruptions", type=int, default=1600, help="damaged checkpoints (1600)")
    parser.add_argument("--seed", type=int, default=0, help="of what happens where (0)")
    options = parser.parse_args(arguments)
    draw = random.Random(options.seed)
    each = -(-options.kills // len(VARIANTS))
    with tempfile.TemporaryDirectory() as folder:
        kills = {}
        for number, variant in enumerate(VARIANTS):
            kills[variant] = kill_runs(Path(folder) / str(number), variant, each, draw)
            print(variant, kills[variant], flush=True)
        ended = {}
        for number in range(options.settings):
            own = random.Random(f"{options.seed} {number}")  # so that one can be tried again without the others
            ended[f"random settings {number}"] = end_runs(Path(folder) / f"random{number}", number, own)
            print(number, ended[f"random settings {number}"], flush=True)
        checkpoint = Path(folder) / "0/reference/checkpoints/last.ckpt"
        corruptions = damage_checkpoint(checkpoint, options.corruptions, draw)
    show("killed runs", kills)
    if ended:
        show("runs that were ended, by random settings", ended)
    show("damaged checkpoints", corruptions)
    write_figures(options.out, {"seed": options.seed, "killed": kills, "ended": ended, "damaged": corruptions})
    if any(row["differing"] for row in (*kills.values(), *ended.values())) or any(
        row["misread"] for row in corruptions.values()
    ):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
