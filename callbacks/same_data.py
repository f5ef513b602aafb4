"""Refuses to go on with other data."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.fingerprint import refuse_changed_data


class SameData(Callback):
    """Keeps the data's fingerprint in every checkpoint, and compares it where a run goes on from one."""

    def __init__(self) -> None:
        self._fingerprint: dict[str, str] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is not None and not self._fingerprint:
            self._fingerprint = datamodule.fingerprint()

    def state_dict(self) -> dict[str, Any]:
        return {"fingerprint": self._fingerprint}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare the fingerprints.

        Raises:
            ValueError: The checkpoint is of a run on other data.
        """
        refuse_changed_data(state_dict["fingerprint"], self._fingerprint)
