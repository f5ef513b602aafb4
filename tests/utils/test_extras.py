import subprocess
import sys
import tomllib

import pytest

from tests.tiny_run import ROOT
from utils.extras import require_libraries

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def test_what_is_missing_is_named_with_its_command() -> None:
    require_libraries("the task", "json", "torch", extra="none")
    with pytest.raises(ValueError, match=r"^--to x needs abacus, sextant, not .* pip install abacus sextant "):
        require_libraries("--to x", "abacus", "json", "sextant", extra="tools")


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        (["demo"], "gradio", "demo"),
        (["export", "best.ckpt", "--to", "onnx", "folder"], "onnxscript", "export"),
    ],
)
def test_a_command_tells_it_before_torch_is_imported(
    command: list[str], library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EAGER_IMPORT")  # of lazy packages, which the tests want
    code = f"""
import sys
import facet.__main__
sys.modules[{library!r}] = None
try:
    facet.__main__.main({command!r})
except SystemExit as stop:
    print(stop.code, "torch" in sys.modules, sep="\\n")
"""
    lines = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told, imported = lines.splitlines()
    assert told.startswith("error: ")
    assert f"needs {library}, not installed here; run: pip install {library} " in told
    assert f"uv sync --extra {extra})" in told
    assert any(entry.startswith(library) for entry in EXTRAS[extra])
    assert imported == "False"
