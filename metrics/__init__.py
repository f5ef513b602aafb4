"""Caption metrics: pure functions and `torchmetrics.Metric` classes; they know nothing of models or data sets."""

from metrics.per_image_metric import PerImageMetric
from metrics.rouge import RougeScore, rouge

__all__ = ["PerImageMetric", "RougeScore", "rouge"]
