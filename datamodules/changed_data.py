"""Whether the data of a run are those of a checkpoint."""

from collections.abc import Mapping


def refuse_changed_data(saved: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Compare the fingerprint that a checkpoint holds with the data's own.

    Raises:
        ValueError: The checkpoint is of a run on other data.
    """
    changed = [part for part, checksum in own.items() if saved.get(part) != checksum]
    if changed:
        raise ValueError(
            f"the data changed since the checkpoint was written: {', '.join(changed)}; bring the old data back, or "
            f"start a new run from the weights with pretrained_model=CHECKPOINT pretrained_skip=null"
        )
