"""Progress of training, validation and test: Lightning's bars on a terminal, lines elsewhere."""

import sys
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import TQDMProgressBar

from utils.progress import progress_bar


class ProgressBar(TQDMProgressBar):
    """Lightning's bars, which become a line now and then where a file or a pipe takes them (see `utils.progress`).

    Args:
        refresh_rate: Steps from one update of a bar to the next; 0 shows nothing.
    """

    def __init__(self, refresh_rate: int = 10) -> None:
        super().__init__(refresh_rate=refresh_rate)

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}")  # as people count

    def init_sanity_tqdm(self) -> Any:
        return super().init_sanity_tqdm() if sys.stdout.isatty() else self._lines(self.sanity_check_description)

    def init_train_tqdm(self) -> Any:
        return super().init_train_tqdm() if sys.stdout.isatty() else self._lines(self.train_description)

    def init_validation_tqdm(self) -> Any:
        return super().init_validation_tqdm() if sys.stdout.isatty() else self._lines(self.validation_description)

    def init_test_tqdm(self) -> Any:
        return super().init_test_tqdm() if sys.stdout.isatty() else self._lines(self.test_description)

    def init_predict_tqdm(self) -> Any:
        return super().init_predict_tqdm() if sys.stdout.isatty() else self._lines(self.predict_description)

    def _lines(self, desc: str) -> Any:
        return progress_bar(desc=desc, unit="batch", stream=sys.stdout, disable=self.is_disabled, smoothing=0)
