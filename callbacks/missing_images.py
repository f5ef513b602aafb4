"""Names the images that were left out because they could not be read."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only

from datamodules.batch import CaptionBatch
from metrics import DistinctImages
from utils.display import first_names
from utils.files import atomic_write_text

log = logging.getLogger(__name__)

KEY = "missing_images"  # in a checkpoint


class MissingImages(Callback):
    """Logs how many images each split lacks as `train/missing_images` and so on, and names them at the end.

    `val/` and `test/` say how many images the figures beside them are without. It is there with
    `data.on_bad_data=skip` alone; otherwise no image is ever missing.

    Args:
        report: A JSON file of the names by split, written where there are any.
    """

    def __init__(self, report: str | Path) -> None:
        self.report = Path(report)
        self.missing = {stage: DistinctImages() for stage in ("train", "val", "test")}
        self.names: dict[str, list[str | int]] = {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep which training images are missing, on several processes at least those of the last epoch's end."""
        if _skips(trainer):
            checkpoint[KEY] = sorted(_datamodule(trainer).left_out)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == "fit" and _skips(trainer):
            self._note_left_out(trainer, checkpoint.get(KEY, []))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if _skips(trainer):
            left_out = _datamodule(trainer).left_out
            ids = self._conclude(trainer, pl_module, "train", left_out.keys() & {*_split(trainer, "train").image_ids})
            self._note_left_out(trainer, ids)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: CaptionBatch, *_: int
    ) -> None:
        self.missing["val"].to(pl_module.device).update(image.image_id for image in batch.left_out)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: CaptionBatch, *_: int
    ) -> None:
        self.missing["test"].to(pl_module.device).update(image.image_id for image in batch.left_out)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            self.missing["val"].reset()
        elif _skips(trainer):
            self._conclude(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if _skips(trainer):
            self._conclude(trainer, pl_module, "test")

    @staticmethod
    def _note_left_out(trainer: Trainer, ids: Iterable[int]) -> None:
        """Let this process know of images that another one, or the run before an interruption, could not read."""
        left_out = _datamodule(trainer).left_out
        for image_id in ids:
            left_out.setdefault(image_id, "it could not be read before")

    def _conclude(
        self, trainer: Trainer, pl_module: LightningModule, stage: str, more: Iterable[int] = ()
    ) -> Sequence[int]:
        """Log how many images are missing, begin anew, and return which they are, on all processes."""
        metric = self.missing[stage].to(pl_module.device)
        metric.update(more)
        ids = metric.compute()
        metric.reset()
        pl_module.log(f"{stage}/missing_images", float(len(ids)))
        if ids:
            self._tell(trainer, stage, ids)
        return ids

    @rank_zero_only
    def _tell(self, trainer: Trainer, stage: str, ids: Sequence[int]) -> None:
        split = _split(trainer, stage)
        name_of_id = dict(zip(split.image_ids, split.image_names, strict=True))
        names = [name_of_id[image_id] for image_id in ids]
        log.warning(
            "%s: %d of %d images could not be read and are missing from its figures: %s",
            stage, len(ids), len(name_of_id), first_names(names),
        )  # fmt: skip
        self.names[stage] = sorted({*self.names.get(stage, []), *names}, key=str)
        atomic_write_text(self.report, json.dumps(self.names, indent=2, ensure_ascii=False))

    @rank_zero_only
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for split, names in self.names.items():
            log.warning("%s: %d images were left out (%s); see %s", split, len(names), first_names(names), self.report)


def _datamodule(trainer: Trainer) -> Any:
    return getattr(trainer, "datamodule", None)


def _skips(trainer: Trainer) -> bool:
    return getattr(_datamodule(trainer), "on_bad_data", "error") == "skip"


def _split(trainer: Trainer, name: str) -> Any:
    return _datamodule(trainer).splits[name]
