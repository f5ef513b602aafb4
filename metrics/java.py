"""Published Java programs that compute scores: how they are found, asked and, whatever happens, ended."""

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from utils.progress import elapsed_time

# Whatever the locale: numbers with a decimal point, and text as UTF-8, which Java 17 and older take from the locale.
PLAIN = ("-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8")


class JavaError(RuntimeError):
    """A Java program failed, ended early or went silent; says what it printed last."""


def java_unavailable(java: str = "java") -> str | None:
    """Return why Java programs cannot run; None when they can."""
    if shutil.which(java) is None:
        return f"no Java runtime, {java} is not on PATH; install one, for instance OpenJDK"
    return None


def java_command(java: str, memory: str, jar: Path, *arguments: str) -> list[str]:
    """Return the command that runs a jar.

    Args:
        java: The Java runtime.
        memory: Most that it may take, such as "2G".
        jar: The program.
        arguments: Of the program.
    """
    return [java, f"-Xmx{memory}", *PLAIN, "-jar", str(jar), *arguments]


def run_java(name: str, command: Sequence[str], folder: Path, timeout: float) -> None:
    """Run a program to its end, and show for how long it has run.

    Args:
        name: What to call the program.
        command: The program and its arguments.
        folder: Where it runs.
        timeout: Seconds that it may take.

    Raises:
        JavaError: The program could not be started, failed or took too long.
    """
    with tempfile.TemporaryFile() as printed:
        process = _begin(name, command, folder, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed)
        try:
            with elapsed_time(name):
                exit_code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise JavaError(f"{name} took longer than {timeout:g} seconds") from None
        finally:
            _end(process)
        if exit_code != 0:
            raise JavaError(f"{name} failed with exit code {exit_code}: {_last_words(printed)}")


class LineServer:
    """A program that answers each line on its standard input with lines on its standard output.

    Ended on leaving the `with` statement, whatever happened. Lines are written while answers are read, so neither
    side ever waits for the other to empty a full pipe.

    Args:
        name: What to call the program in errors.
        command: The program and its arguments.
        folder: Where it runs.
        patience: Seconds to wait for the next answer.

    Raises:
        JavaError: The program could not be started.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, patience: float) -> None:
        self.name = name
        self.patience = patience
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads would fill up
        pipe = subprocess.PIPE
        try:
            self._process = _begin(name, command, folder, stdin=pipe, stdout=pipe, stderr=self._errors)
        except JavaError:
            self._errors.close()
            raise
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._threads: list[threading.Thread] = []
        self._start(self._read)

    def ask(self, lines: Sequence[str], num_answers: int) -> Iterator[str]:
        """Send lines, and yield the lines of the answer as they come.

        Raises:
            JavaError: The program ended early, or stayed silent for longer than `patience`.
        """
        self._start(self._write, lines)
        for _ in range(num_answers):
            yield self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _end(self._process)
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            _close(pipe)

    def _start(self, work: Callable[..., None], *arguments: Sequence[str]) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _next(self) -> str:
        try:
            answer = self._answers.get(timeout=self.patience)
        except queue.Empty:
            raise JavaError(f"{self.name} gave no answer for {self.patience:g} seconds") from None
        if answer is None:
            raise JavaError(f"{self.name} ended before it had answered: {_last_words(self._errors)}")
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line.decode("utf-8", "replace").strip())
        self._answers.put(None)

    def _write(self, lines: Sequence[str]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the program has ended, which the reader tells
            for line in lines:
                self._process.stdin.write(f"{line}\n".encode("utf-8", "replace"))
            self._process.stdin.flush()


def one_line(tokens: Sequence[str]) -> str:
    """Return a caption's tokens with single spaces between them and no line break."""
    return " ".join(" ".join(tokens).split())


def _begin(
    name: str, command: Sequence[str], folder: Path, *, stdin: int, stdout: int | IO[bytes], stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            _absolute(command), cwd=folder, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    except OSError as error:
        raise JavaError(f"{name} could not be started ({error})") from None


def _absolute(command: Sequence[str]) -> list[str]:
    """Name the program by its full path: it runs in another folder."""
    program = shutil.which(command[0]) or command[0]
    return [str(Path(program).absolute()), *command[1:]]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started: `java` may be a script around the real one."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_words(errors: IO[bytes]) -> str:
    """Return the last lines that a program printed, as one line, without the places in its code."""
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode("utf-8", "replace").splitlines()]
    return " / ".join([line for line in lines if line and not line.startswith("at ")][-6:]) or "it printed no error"


def _close(pipe: IO[bytes] | None) -> None:
    with suppress(BrokenPipeError):  # what was still to be written has no reader any more
        if pipe is not None:
            pipe.close()
