import io
import threading
import time
from collections.abc import Callable

import pytest
from tqdm import tqdm

from utils import progress as module
from utils.progress import LineProgress, elapsed_time, progress_bar


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Clock:
    """Time that passes only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        init = tqdm.__init__

        def with_clock(bar: LineProgress, *args: object, **settings: object) -> None:
            init(bar, *args, **settings)  # type: ignore[arg-type]
            bar._time = lambda: self.now  # type: ignore[method-assign]
            bar.start_t = bar.last_print_t = self.now

        monkeypatch.setattr(tqdm, "__init__", with_clock)


def test_a_pipe_gets_a_line_each_ten_seconds_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pipe = _Clock(monkeypatch), io.StringIO()
    with progress_bar(total=40, desc="features", unit="image", stream=pipe) as bar:
        for _ in range(40):
            clock.now += 1
            bar.update()
            bar.set_postfix(loss=1.0)  # which asks for a refresh itself
    lines = pipe.getvalue().splitlines()
    assert [line.split("[")[0].strip() for line in lines] == [
        "features:  25% 10/40",
        "features:  50% 20/40",
        "features:  75% 30/40",
        "features: 100% 40/40",
    ]
    assert "00:10<00:30" in lines[0]
    assert "1.00image/s" in lines[0]


def test_lines_of_a_long_task_become_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pipe = _Clock(monkeypatch), io.StringIO()
    bar = progress_bar(total=36_000, desc="features", unit="image", stream=pipe)
    for _ in range(36_000):
        clock.now += 1
        bar.update()
    assert 60 < len(pipe.getvalue().splitlines()) < 200


def test_a_short_task_writes_nothing_to_a_pipe_and_a_bar_to_a_terminal() -> None:
    pipe, terminal = io.StringIO(), _Terminal()
    for stream in (pipe, terminal):
        assert [*progress_bar(range(3), desc="export", unit="part", stream=stream)] == [0, 1, 2]
    assert pipe.getvalue() == ""
    assert "\rexport: 100%" in terminal.getvalue()


def _wait_until(holds: Callable[[], bool]) -> None:
    late = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.001)


def test_what_tells_nothing_of_itself_has_its_time_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pipe, terminal = _Clock(monkeypatch), io.StringIO(), _Terminal()
    monkeypatch.setattr(module, "TICK", 0.001)
    threads = threading.active_count()
    with elapsed_time("reading", pipe):
        clock.now += 12
        _wait_until(lambda: "reading" in pipe.getvalue())
    assert pipe.getvalue() == "reading: 00:12\n"
    with elapsed_time("reading", terminal):
        assert "reading" not in terminal.getvalue()
        clock.now += 3
        _wait_until(lambda: "\rreading: 00:03" in terminal.getvalue())
    assert terminal.getvalue().endswith("\r")  # the next text takes the place of the line, which is blank
    assert threading.active_count() == threads


def test_its_time_ends_where_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threading.active_count()
    with pytest.raises(ValueError, match="no file"), elapsed_time("reading", pipe := io.StringIO()):
        raise ValueError("no file")
    assert threading.active_count() == threads
    assert pipe.getvalue() == ""


def test_there_is_one_place_that_makes_bars() -> None:
    from tests.test_architecture import SOURCES

    users = [path.name for path in SOURCES if "import tqdm" in path.read_text(encoding="utf-8")]
    assert users == [f"{module.__name__.rpartition('.')[2]}.py"]
