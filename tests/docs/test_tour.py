"""The notebook runs from its first cell to its last, and is kept with what it printed and drew."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.tiny_run import ROOT

TOUR = ROOT / "docs/tour.ipynb"
MOST_BYTES = 300_000
RUN = """
import sys
import tempfile
import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
with tempfile.TemporaryDirectory() as folder:  # of the sockets
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
    NotebookClient(notebook, km=kernel, timeout=300, coalesce_streams=True).execute()
nbformat.write(notebook, sys.argv[2])
"""  # in a process of its own: the library leaves sockets open


@pytest.mark.slow
def test_the_tour_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    assert TOUR.stat().st_size <= MOST_BYTES
    subprocess.run([sys.executable, "-c", RUN, TOUR, tmp_path / "tour.ipynb"], cwd=ROOT, check=True)
    kept, fresh = (nbformat.read(path, 4) for path in (TOUR, tmp_path / "tour.ipynb"))
    for before, after in zip(kept.cells, fresh.cells, strict=True):
        if before.cell_type == "code":
            assert [output.output_type for output in before.outputs] == [output.output_type for output in after.outputs]
            assert before.outputs
    described = [_text(notebook, "num=1)\n    print") for notebook in (kept, fresh)]
    assert described[0] == described[1]
    assert described[0].count("scene_") == 6


def _text(notebook: nbformat.NotebookNode, source: str) -> str:
    """Return what the cell printed that has this in its source."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source]
    return str(cell.outputs[0].text)
