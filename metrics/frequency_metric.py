"""The base of metrics that weigh n-grams by how few images' references contain them."""

from pathlib import Path

from metrics.caption_metric import CaptionMetric
from metrics.document_frequencies import DocumentFrequencies


class FrequencyMetric(CaptionMetric):
    """A `CaptionMetric` whose document frequencies may be those of another corpus.

    Attributes:
        frequencies: The other corpus's; None where they are counted in the evaluated references.

    Args:
        document_frequencies: A file that `DocumentFrequencies.save` wrote; None to count in the evaluated references.

    Raises:
        ValueError: The file is not there or holds no document frequencies.
    """

    def __init__(self, *, document_frequencies: str | Path | None = None) -> None:
        super().__init__()
        path = document_frequencies
        self.frequencies = None if path is None else DocumentFrequencies.load(Path(path))
