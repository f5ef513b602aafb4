from pathlib import Path

import pytest

from tests.faults.child import log_of
from tests.faults.killing import BASE, run


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing happened to."""
    run_dir = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert run(run_dir, BASE) == 0, log_of(run_dir).read_text()
    return run_dir
