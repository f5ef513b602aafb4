"""Whether any legal combination of settings breaks: whole random runs from training to captions.

    python benchmarks/random_runs.py [--runs 300] [--seed 0] [--out random_runs.json]

Each run draws options of all config groups, settings of the data, the model, the trainer and the callbacks, and one or
two processes. It trains on a few tiny images, tests, evaluates its best checkpoint with evaluate.py, and describes two
image files with caption.py. A traceback, a hang, or a test figure of train.py that evaluate.py does not confirm is a
fault. Combinations that the program refuses in one line are counted and listed. Prints a table, writes JSON.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import parser_with_out, write_figures
from tests.random_runs.drawing import draw_run
from tests.random_runs.materials import Materials
from tests.random_runs.running import DIFFERS, FINISHED, HANG, REFUSED, TRACEBACK, Outcome, carry_out

FAULTS = (TRACEBACK, HANG, DIFFERS)
MOST_SHOWN = 100  # characters of a message in the table


def show(outcomes: Sequence[tuple[str, Outcome]], seconds: float) -> None:
    """Print how many runs ended in which way, each refusal once, and every fault with its settings."""
    kinds = Counter(outcome.kind for _, outcome in outcomes)
    figures = sum(outcome.compared for _, outcome in outcomes)
    table = Table("ended", "runs", title=f"{len(outcomes)} random runs in {seconds:.0f} s", title_justify="left")
    for kind in (FINISHED, REFUSED, *FAULTS):
        table.add_row(kind, str(kinds[kind]))
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"{figures} test figures of train.py compared with evaluate.py's", highlight=False)
    refusals = Counter(outcome.message[:MOST_SHOWN] for _, outcome in outcomes if outcome.kind == REFUSED)
    for message, count in refusals.most_common():
        console.print(f"  {count} x {message}", highlight=False, markup=False)
    for settings, outcome in outcomes:
        if outcome.kind in FAULTS:
            console.print(f"{outcome.kind} in {outcome.stage}: {settings}\n  {outcome.message}", markup=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do all of it; exit code 1 where there is a fault."""
    parser = parser_with_out("Train, test, evaluate and caption with random settings.", "random_runs.json")
    parser.add_argument("--runs", type=int, default=300, help="how many (300)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first run; each is drawn by its number (0)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds after which a run counts as hanging (120)")
    parser.add_argument("--keep", type=Path, help="keep the runs' folders here, with their logs")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    outcomes = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        (folder / "materials").mkdir(parents=True)
        materials = Materials(folder / "materials").write()
        for number in tqdm(range(options.seed, options.seed + options.runs), unit="run"):
            run = draw_run(number, materials)
            outcome = carry_out(run, folder / str(number), materials, timeout=options.timeout)
            outcomes.append((f"{number}: {run}", outcome))
            if outcome.kind in FAULTS:
                tqdm.write(f"{number}: {outcome.kind} in {outcome.stage}: {outcome.message[-200:]}")
    show(outcomes, time.perf_counter() - started)
    write_figures(options.out, [{"run": settings, **vars(outcome)} for settings, outcome in outcomes])
    if any(outcome.kind in FAULTS for _, outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
