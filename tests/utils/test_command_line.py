import os
import subprocess
import sys

from tests.tiny_run import ROOT

TASK = """
import sys
from types import SimpleNamespace
from utils.command_line import run_command

sys.modules["task"] = SimpleNamespace(run=lambda options: print("a line"))
sys.stdout.reconfigure(line_buffering=True)
run_command(lambda arguments: None, "task", [])
"""


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run([sys.executable, "-c", TASK], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert ended.stderr == b""
    assert ended.returncode == 1
