"""Data whose images and captions are looked at before they are used."""

from abc import abstractmethod
from pathlib import Path

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.image_files.bad_data import BadData
from datamodules.split import CaptionSplit, SplitName


class CheckedDataModule(CaptionDataModule):
    """Data of which every image and caption is looked at once, before training.

    What cannot be used is counted and named, and is an error or is left out; it is never replaced by something else. A
    data set subclasses it with `read_splits`.
    """

    _prepared: dict[SplitName, CaptionSplit] | None = None

    @abstractmethod
    def read_splits(self) -> dict[SplitName, CaptionSplit]:
        """Return the splits without what cannot be used, which is handed to `settle`.

        Raises:
            ValueError: A part of the data set is missing, or holds bad data that is not to be skipped.
        """

    def prepare_data(self) -> None:
        """Look at all captions and images once, before the other processes read the outcome.

        The trainer calls it before the test as well: an image that went bad since is found when it is read.
        """
        if not self.splits and self._prepared is None:
            self._prepared = self.read_splits()

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        prepared, self._prepared = self._prepared, None
        return self.read_splits() if prepared is None else prepared

    def settle(self, bad: BadData, *, root: Path | str, folder: str, setting: str = "data.root") -> None:
        """Note what cannot be used, and refuse or skip it; a look at the data shows it in any case.

        Args:
            bad: It.
            root: Where the data are.
            folder: Of the cache; it is all named in a file there.
            setting: That names the root.

        Raises:
            ValueError: There is some, and it is not to be skipped.
        """
        self.unusable = bad.names_of_kind
        report = self.cache_dir / folder / "bad_data.json"
        bad.settle("skip" if self.look else self.on_bad_data, root=root, report=report, setting=setting)
