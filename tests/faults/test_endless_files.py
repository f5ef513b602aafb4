"""Files of a gigabyte, or of one endless line: refused without being taken into memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from datamodules.annotations import image_list, read_references
from datamodules.image_files.bad_data import BadData
from evaluation.score_file import read_results
from tests.tiny_run import ROOT

PEAK = """
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def _peaks_megabytes(code: str) -> list[float]:
    """Run parts of code in a process of its own; return by how much its memory had grown after each but the first."""
    # not resource.getrusage(), whose peak begins with that of the process that started this one
    imports, *parts = code.split("---")
    steps = "".join(f"{part}\nprint((peak() - before) / 1000)\n" for part in parts)
    script = f"{imports}{PEAK}\nbefore = peak()\n{steps}"
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return [float(number) for number in finished.stdout.split()[-len(parts) :]]


REFUSED = """
from pathlib import Path
import datamodules.annotations.image_list as image_list
from datamodules.annotations import read_references
from evaluation.score_file import read_results
from lightning_modules.networks.embeddings.word_vectors import read_word_vectors
---
path = Path({path!r})
limited = [read_references, read_results]
by_line = [
    image_list.read_image_names,
    lambda path: read_word_vectors(path, ["a"]),
]
for start in (b"", b"a.jpg#0\\tA dog runs .\\n", b"a 1 2\\nb "):
    with path.open("wb") as file:
        file.write(start)
        file.truncate(10**9)  # zeros that take no room on the disk: a line without end
    for limit in (image_list.MAX_BYTES, 2 * 10**9):  # refused by the file's size, and by the line's
        image_list.MAX_BYTES = limit
        for read in (*limited, *by_line):
            try:
                read(path)
            except ValueError as error:
                assert str(path) in str(error), error
            else:
                raise SystemExit("the file was read")
    image_list.MAX_BYTES = 500_000_000
---
path.open("rb").read(10**8)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells a process's memory on Linux alone")
def test_a_gigabyte_is_refused_without_being_read_in(tmp_path: Path) -> None:
    path = tmp_path / "endless.txt"
    try:
        refused, swallowed = _peaks_megabytes(REFUSED.format(path=str(path)))
    finally:
        path.unlink(missing_ok=True)
    print(f"peak beyond the imports': {refused} MB")
    assert refused < 20
    assert swallowed > 90  # it would be seen


def test_token_files_of_one_endless_line_are_refused_with_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("a.jpg#0\tA dog .\nb.jpg#0\t" + "x" * 100_000)
    with pytest.raises(ValueError, match=r"tokens.txt, line 2: expected at most 65,536 characters, got 100,008"):
        read_references(path)
    with pytest.raises(ValueError, match=r"tokens.txt, line 2: expected at most 65,536 bytes, got more"):
        image_list.read_image_names(path)


def test_junk_is_not_counted_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "junk.txt"
    path.write_text("a.jpg#0\tA dog .\n" + "x\n" * 10_001)
    with pytest.raises(ValueError, match=r"junk.txt: expected lines .*, got more than 10,000 others"):
        read_references(path, problems=BadData())


def test_json_above_the_limit_names_it_and_a_higher_limit_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('[{"image_id": 1, "caption": "a"}]')
    with pytest.raises(ValueError, match=r"expected at most 2e-05 MB, got more; .*--max-megabytes"):
        read_results(path, max_bytes=20)
    assert len(read_results(path, max_bytes=100).rows) == 1
