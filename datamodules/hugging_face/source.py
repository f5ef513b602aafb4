"""Opens a data set with the library `datasets`. Nothing that comes with the data is executed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.extras import require_libraries

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

HUB_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
FILE_FORMATS = {".parquet": "parquet", ".arrow": "arrow"}
SAVED_DICT, SAVED_SPLIT = "dataset_dict.json", "state.json"  # what `save_to_disk` writes into its folders
NO_ROWS = re.compile(r'Instruction "(.+)" corresponds to no data')
ONE_SPLIT = "train"  # as the library calls the split of data that has no other name


def open_source(path: str, *, config: str | None, revision: str | None) -> Mapping[str, "Dataset"]:
    """Return the splits of a data set, by the names that it gives them; their columns stay on the disk.

    Args:
        path: A name on the hub, `owner/name`; or a file (Parquet, Arrow); or a folder with such files, or with images
            and a `metadata.csv` or `metadata.jsonl`; or a folder that `save_to_disk` wrote.
        config: The name of the configuration, where the data set has several.
        revision: The branch, tag or commit of a data set of the hub; None for the newest.

    Raises:
        ValueError: The library is not installed, there is no such data set, it cannot be read, or it needs code of its
            own to be read.
    """
    here = _checked(path, revision)
    if _is_saved(here):
        with faults(path):
            return _named(_library().load_from_disk(str(here)))
    return _loaded(path, config, revision, streaming=False)


def open_stream(path: str, *, config: str | None, revision: str | None) -> Mapping[str, "IterableDataset"]:
    """Return the splits of a data set without fetching it: their rows can be read from the first to the last.

    Args:
        path: See `open_source`, but for folders that `save_to_disk` wrote.
        config: See there.
        revision: See there.

    Raises:
        ValueError: As of `open_source`; or `save_to_disk` wrote the folder, which is here in any case.
    """
    if _is_saved(_checked(path, revision)):
        raise ValueError(
            f"data.path={path}: save_to_disk wrote this folder, which is not streamed; read it with data=hf"
        )
    return _loaded(path, config, revision, streaming=True)


def _checked(path: str, revision: str | None) -> Path:
    """Return a path here, which need not exist where it may be a name on the hub."""
    here = Path(path).expanduser()
    if not here.exists() and _must_be_here(path):
        raise ValueError(f"data.path={path}: there is no such file or folder; check the path")
    if here.exists() and revision is not None:
        raise ValueError(f"data.revision={revision} is of the hub, and data.path={path} is a path here; leave it out")
    return here


def _is_saved(folder: Path) -> bool:
    return (folder / SAVED_DICT).is_file() or (folder / SAVED_SPLIT).is_file()


def _loaded(path: str, config: str | None, revision: str | None, *, streaming: bool) -> Any:
    load, here = _library().load_dataset, Path(path).expanduser()
    with faults(path):
        if here.is_file():
            return _named(load(_format_of(here), data_files=str(here), streaming=streaming))
        source = str(here) if here.exists() else path
        return _named(load(source, name=config, revision=revision, streaming=streaming))


@contextmanager
def faults(path: str) -> Iterator[None]:
    """Tell in one line what went wrong: the library and those below it raise in their own ways.

    Raises:
        ValueError: The data set cannot be opened.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(_fault(error, path, is_here=Path(path).expanduser().exists())) from error


def _library() -> Any:
    require_libraries("data=hf", "datasets", extra="hf")
    import datasets

    return datasets


def _must_be_here(path: str) -> bool:
    """Return whether a path cannot be a name on the hub."""
    return HUB_NAME.fullmatch(path) is None or Path(path).suffix in FILE_FORMATS


def _format_of(file: Path) -> str:
    if file.suffix not in FILE_FORMATS:
        raise ValueError(f"expected a folder or a file that ends in {' or '.join(FILE_FORMATS)}")
    return FILE_FORMATS[file.suffix]


def _named(found: Any) -> Mapping[str, Any]:
    if isinstance(found, Mapping):
        return {str(name): split for name, split in found.items()}
    return {str(found.split or ONE_SPLIT): found}


def _fault(error: Exception, path: str, *, is_here: bool) -> str:
    """Return in one line why a data set could not be opened, and what to do."""
    reason = " ".join(str(error.__cause__ if _tells_nothing(error) and error.__cause__ else error).split())
    if isinstance(error, ConnectionError):
        return (
            f"data.path={path}: there is no such file or folder, and the hub cannot be reached ({reason}); "
            f"fetch it where there is a network (hf download {path} --repo-type dataset --local-dir FOLDER) and set "
            f"data.path=FOLDER, or set HF_HOME to a folder where the library has kept it"
        )
    if "scripts are no longer supported" in reason:
        return (
            f"data.path={path}: it is read by a script of its own ({reason}), and code that comes with data is not "
            f"executed; choose a copy in Parquet, as the hub keeps some (data.revision=refs/convert/parquet)"
        )
    empty = NO_ROWS.findall(reason) or _saved_without_rows(Path(path).expanduser())
    if empty:
        return f"data.path={path}: its split {empty[0]!r} holds no rows; fill it, or remove its files"
    if is_here:
        return f"data.path={path}: cannot be read ({reason}); expected Parquet, Arrow, or images with a metadata file"
    return f"data.path={path}: cannot be opened ({reason}); check the name, data.config and data.revision"


def _saved_without_rows(folder: Path) -> list[str]:
    """Return the splits of a folder of `save_to_disk` that have no rows, over which the library stumbles."""
    states = [*folder.glob(SAVED_SPLIT), *folder.glob(f"*/{SAVED_SPLIT}")]
    return [state.parent.name for state in states if '"_data_files": []' in state.read_text("utf-8", "replace")]


def _tells_nothing(error: Exception) -> bool:
    """Return whether the message of an error of the library leaves what happened to its cause."""
    return type(error).__name__ == "DatasetGenerationError"
