"""What to do where not the user but the machine gives out: memory, or a process that loads images."""

import errno
import re

from omegaconf import DictConfig, OmegaConf

WORKER_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) ([^.]*)")
NO_MEMORY = re.compile(r"out of memory|(?:can't|cannot|not) allocate memory|not enough memory|bad_alloc", re.IGNORECASE)
AMOUNT = re.compile(r"(?:tried|unable) to allocate ([\d.]+ ?\w+)", re.IGNORECASE)

# what takes memory, and what else to change with it; those that a config has are named with their values
FIELDS = {
    "data.batch_size": " (and raise trainer.accumulate_grad_batches as much)",
    "data.captions_per_image": "",
    "batch_size": "",
    "num_captions": "",
    "data.image_size": "",
}


def advice_on(error: BaseException, config: object) -> str | None:
    """Return what happened and what to do in one line, or None if the machine is not to blame.

    Args:
        error: What was raised.
        config: The job's, whose fields are named.
    """
    ended = _end_of_worker(error)
    if ended is not None:
        return (
            f"a process that loads images {ended}: something stopped it, most often for lack of memory; "
            f"lower {_field(config, 'data.num_workers')} or {_field(config, 'data.batch_size')}, or give more shared "
            f"memory (docker run --shm-size); data.num_workers=0 loads in the main process and shows what fails"
        )
    if out_of_memory(error):
        amount = AMOUNT.search(str(error))
        asked_for = f" (another {amount[1]} were asked for)" if amount else ""
        return f"out of memory{asked_for}; {_lower(config)}"
    return None


def _end_of_worker(error: BaseException) -> str | None:
    """Return how a process that loads images ended, or None if it is not that; a signal is named where it is known."""
    if not isinstance(error, RuntimeError):
        return None
    causes = [error.__cause__, error.__context__, error]
    found = [died[1].strip() for died in (WORKER_DIED.search(str(cause)) for cause in causes) if died]
    return found[0] if found and WORKER_DIED.search(str(error)) else None


def out_of_memory(error: BaseException) -> bool:
    """Return whether there was not enough memory, on a GPU or for the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's own, by its name
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and NO_MEMORY.search(str(error)) is not None


def _lower(config: object) -> str:
    fields = [f"{_field(config, name)}{beside}" for name, beside in FIELDS.items() if _value(config, name) is not None]
    lower = f"lower {', '.join(fields)}" if fields else "lower the batch size"
    return f"{lower}, or set trainer.precision=bf16-mixed" if _value(config, "trainer.precision") else lower


def _field(config: object, name: str) -> str:
    value = _value(config, name)
    return name if value is None else f"{name}={value}"


def _value(config: object, name: str) -> object:
    return OmegaConf.select(config, name, throw_on_missing=False) if isinstance(config, DictConfig) else None
