"""The command demo.py."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import demo
from demonstration.arguments import parse_arguments
from demonstration.run import run
from tests.captioning.caption_command import save_pictures
from tests.tiny_run import TinyRun


def test_it_listens_to_this_machine_alone_unless_told_otherwise() -> None:
    options = parse_arguments(["best.ckpt"])
    assert (options.host, options.port, options.share) == ("127.0.0.1", None, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.ckpt"], "none.ckpt"),
        (["best.ckpt", "--port", "x"], "argument --port: invalid int value: 'x'; see --help"),
        (["best.ckpt", "--device", "abacus"], "--device abacus: expected one that is here"),
    ],
)
def test_mistakes_get_one_line(
    arguments: Sequence[str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "demonstration.server", SimpleNamespace(Server=None))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        demo.main(arguments)
    assert str(stop.value.code).startswith("error: ")
    assert message in str(stop.value.code)


def test_the_options_reach_the_server(
    trained: TinyRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    served: dict[str, Any] = {}

    class FakeServer:
        url, public_url = "http://10.0.0.1:80/", "https://public"

        def __init__(self, captioner: Any, examples: Any, dimensions: Any, **settings: Any) -> None:
            served.update(settings, examples=examples, dimensions=dimensions)

        def __enter__(self) -> "FakeServer":
            return self

        def __exit__(self, *error: object) -> None:
            served["left"] = True

        def wait(self) -> None:
            assert "left" not in served

    monkeypatch.setitem(sys.modules, "demonstration.server", SimpleNamespace(Server=FakeServer))
    photos = save_pictures(tmp_path, ["a.png", "b.png"])
    options = [trained.best, "--host", "0.0.0.0", "--port", 80, "--share", "--examples", *photos]
    run(parse_arguments([str(option) for option in options]))
    assert (served["host"], served["port"], served["share"], served["left"]) == ("0.0.0.0", 80, True, True)
    assert [example.path for example in served["examples"]] == photos
    assert served["dimensions"]
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert capsys.readouterr().out.splitlines() == [
        "the demo is at http://10.0.0.1:80/ (Ctrl+C ends it)",
        "anyone can use it at https://public",
    ]
