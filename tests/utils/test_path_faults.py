"""Files and folders that cannot be used: one line with the path and the setting to change."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from PIL import Image

import average
import caption
import score
from launch.writable_folder import WritableFolder
from tests.tiny_run import TinyRun, compose_train, hydra_job, run_tiny
from utils.errors import in_one_line
from utils.path_faults import path_fault, settings_of

SETTINGS = {"hydra.run.dir=": "outputs/now", "cache_dir=": ".cache", "data.root=": "/data", "seed=": "x"}


def _error(number: int, path: str | bytes | None) -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("number", "path", "line"),
    [
        (
            errno.EROFS,
            ".cache",
            "cache_dir=.cache cannot be written (Read-only file system); choose another with cache_dir=",
        ),
        (
            errno.ENOSPC,
            f"{Path.cwd()}/.cache/a",
            f"cache_dir=.cache cannot be written (No space left on device: {Path.cwd()}/.cache/a); make room, or "
            f"choose a place on another disk with cache_dir=",
        ),
        (
            errno.EACCES,
            b"outputs",
            "hydra.run.dir=outputs/now cannot be used (Permission denied: outputs); choose another with hydra.run.dir=",
        ),
        (
            errno.ENOTDIR,
            "/data/x",
            "data.root=/data cannot be used (Not a directory: /data/x); choose another with data.root=",
        ),
        (
            errno.ENAMETOOLONG,
            "/data",
            "data.root=/data cannot be used (File name too long); choose a shorter path with data.root=",
        ),
        (errno.EACCES, "/elsewhere", "/elsewhere: Permission denied; check the path and its permissions"),
        (errno.ENOSPC, None, "No space left on device; make room"),
    ],
)
def test_the_setting_is_named(
    number: int, path: str | bytes | None, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == b"outputs":
        monkeypatch.chdir(tmp_path)  # where no folder of this name lies about
    assert path_fault(_error(number, path), SETTINGS) == line


def test_other_errors_are_not_of_paths() -> None:
    for error in (
        ValueError("x"),
        _error(errno.EPIPE, None),
        OSError("of a library"),
        _error(errno.ECONNREFUSED, None),
    ):
        assert path_fault(error, SETTINGS) is None


def test_a_file_that_may_be_read_but_not_written_is_told_apart(tmp_path: Path) -> None:
    line = path_fault(_error(errno.EACCES, str(tmp_path)), {"--out ": str(tmp_path)})
    assert line == f"--out {tmp_path} cannot be written (Permission denied); choose another with --out"


def test_the_settings_of_a_job_are_those_that_somebody_wrote(tmp_path: Path) -> None:
    overrides = ["cache_dir=/c", f"hydra.runtime.output_dir={tmp_path}", "hydra.mode=RUN"]
    with hydra_job(compose_train(overrides, with_hydra=True)) as config:
        settings = settings_of(config)
    assert next(iter(settings)) == "hydra.run.dir="
    assert settings["hydra.run.dir="] == str(tmp_path)
    assert settings["cache_dir="] == "/c"
    assert "data.cache_dir=" not in settings  # an interpolation
    assert settings_of(None) == {}


def test_a_job_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @in_one_line
    def job(config: DictConfig) -> None:
        Path(config.cache_dir, "tokenizers").mkdir(parents=True)

    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="1"):
        job(OmegaConf.create({"cache_dir": str(tmp_path / "file")}))
    cache = f"cache_dir={tmp_path}/file"
    message = (
        f"error: {cache} cannot be used (Not a directory: {tmp_path}/file/tokenizers); choose another with cache_dir=\n"
    )
    assert capsys.readouterr().err == message


def test_a_job_of_a_sweep_is_told_the_same() -> None:
    @in_one_line
    def job(config: DictConfig) -> None:
        raise _error(errno.EROFS, "/c/x")

    overrides = ["cache_dir=/c", "hydra.runtime.output_dir=.", "hydra.mode=MULTIRUN"]
    with (
        hydra_job(compose_train(overrides, with_hydra=True)) as config,
        pytest.raises(ValueError, match=r"^cache_dir=/c cannot be written \(Read-only file system: /c/x\); choose"),
    ):
        job(config)


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_the_folder_is_looked_at_before_all_else(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    config = compose_train(["hydra.run.dir=file/run", "hydra.sweep.dir=sweep"], with_hydra=True, name=name)
    assert next(iter(config.hydra.callbacks.values()))["_target_"] == "launch.writable_folder.WritableFolder"
    monkeypatch.chdir(tmp_path)
    callback = WritableFolder()
    with pytest.raises(SystemExit, match="1"):
        callback.on_run_start(config)
    message = "error: hydra.run.dir=file/run cannot be used (Not a directory); choose another with hydra.run.dir=\n"
    assert capsys.readouterr().err == message
    callback.on_multirun_start(config)
    assert [*(tmp_path / "sweep").iterdir()] == []
    OmegaConf.set_readonly(config, False)
    config.hydra.run.dir = os.fsdecode(b"caf\xe9")
    with pytest.raises(SystemExit, match="1"):
        callback.on_run_start(config)
    assert r"error: hydra.run.dir=caf\udce9: expected a name in UTF-8" in capsys.readouterr().err


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Returns a function from which on nothing can be written into a folder, whoever runs the tests."""
    make, open_ = Path.mkdir, Path.open
    with monkeypatch.context() as patch:

        def refuse(folder: Path) -> None:
            def check(path: Path) -> None:
                if path.is_relative_to(folder):
                    raise _error(errno.EROFS, str(path))

            def mkdir(self: Path, *args: object, **settings: object) -> None:
                if not self.is_dir():
                    check(self)
                make(self, *args, **settings)  # type: ignore[arg-type]

            def open_file(self: Path, mode: str = "r", *args: object, **settings: object) -> object:
                if set(mode) & set("wax+"):
                    check(self)
                return open_(self, mode, *args, **settings)  # type: ignore[call-overload]

            def made_in(make: Callable[..., object]) -> Callable[..., object]:
                def checked(*args: object, **settings: Any) -> object:
                    if settings.get("dir"):
                        check(Path(settings["dir"]) / f"{settings.get('prefix', '')}x")
                    return make(*args, **settings)

                return checked

            patch.setattr(Path, "mkdir", mkdir)
            patch.setattr(Path, "open", open_file)
            for name in ("mkstemp", "mkdtemp"):
                patch.setattr(tempfile, name, made_in(getattr(tempfile, name)))

        yield refuse


def test_scripts_name_the_option_and_not_a_temporary_file(
    trained: TinyRun, tmp_path: Path, refused: Callable[[Path], None]
) -> None:
    picture, results, references = tmp_path / "a.png", tmp_path / "results.json", tmp_path / "references.txt"
    Image.new("RGB", (8, 8)).save(picture)
    results.write_text('[{"image_id": "a.jpg", "caption": "a dog"}]')
    references.write_text("a.jpg#0\ta dog runs\na.jpg#1\ta dog\n")
    out = tmp_path / "out"
    out.mkdir()
    refused(out)
    lines, drawn, scores, mean = (out / name for name in ("lines.jsonl", "drawn.png", "scores.json", "mean.ckpt"))
    score_it = [results, references, "--meteor", "no"]
    for script, arguments, option in (
        (caption.main, [trained.best, picture, "--num", 1, "--out", lines], f"--out {lines}"),
        (caption.main, [trained.best, picture, "--save-reconstruction", drawn], f"--save-reconstruction {drawn}"),
        (score.main, [*score_it, "--out", scores], f"--out {scores}"),
        (score.main, [*score_it, "--save-document-frequencies", scores], f"--save-document-frequencies {scores}"),
        (average.main, [trained.best, trained.best, "--out", mean], f"--out {mean}"),
    ):
        with pytest.raises(SystemExit) as end:
            script([*map(str, arguments)])
        name = option.split()[0]
        assert end.value.code == (
            f"error: {option} cannot be written (Read-only file system); choose another with {name}"
        )


def test_a_filled_cache_is_only_read(
    tmp_path: Path, refused: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_tiny(tmp_path / "first", "test=false")
    refused(tmp_path / "cache")
    assert run_tiny(tmp_path / "second", "test=false").metric == first.metric
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "third", "test=false", "data.num_train=9")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: cache_dir={tmp_path}/cache cannot be written (Read-only file system: ")
