"""The folder of a run or of a sweep, looked at before Hydra makes it: Hydra would end with a traceback."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from utils.display import as_unicode
from utils.home_folder import in_home
from utils.path_faults import path_fault


class WritableFolder(Callback):
    """Makes the folder of outputs; where it cannot be written, or is named by `~` in a sweep, one line ends it all."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        with read_write(config):
            config.hydra.run.dir = in_home(config.hydra.run.dir)
        _make("hydra.run.dir=", config.hydra.run.dir)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = config.hydra.sweep.dir
        if in_home(folder) != folder:  # every job composes its own config
            _end(f"hydra.sweep.dir={folder}: expected a path without ~; write {in_home(folder)}")
        _make("hydra.sweep.dir=", folder)


def _make(setting: str, folder: str) -> None:
    if as_unicode(folder) != folder:
        _end(f"{setting}{as_unicode(folder)}: expected a name in UTF-8, which TensorBoard wants; choose another")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        error.filename = folder
        fault = path_fault(error, {setting: folder})
        if fault is None:
            raise
        _end(fault)


def _end(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(1)  # Hydra passes over any other exception of a callback
