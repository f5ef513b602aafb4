"""A few of the runs that `benchmarks/random_runs.py` makes hundreds of."""

from pathlib import Path

import pytest

from tests.random_runs.drawing import draw_run
from tests.random_runs.materials import Materials
from tests.random_runs.running import FINISHED, REFUSED, carry_out

NUMBERS = range(8)


@pytest.mark.slow
def test_no_legal_setting_breaks_and_evaluate_confirms_what_train_has_tested(tmp_path: Path) -> None:
    (tmp_path / "materials").mkdir()
    materials = Materials(tmp_path / "materials").write()
    runs = {number: draw_run(number, materials) for number in NUMBERS}
    outcomes = {number: carry_out(run, tmp_path / str(number), materials) for number, run in runs.items()}
    faults = [f"{runs[number]}: {found}" for number, found in outcomes.items() if found.kind not in (FINISHED, REFUSED)]
    assert not faults, "\n".join(faults)
    assert sum(found.compared for found in outcomes.values()) > 10
