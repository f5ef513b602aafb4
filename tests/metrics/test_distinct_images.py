from metrics import DistinctImages


def test_each_image_counts_once() -> None:
    metric = DistinctImages()
    metric.update([])
    assert metric.compute() == []
    metric.update([7, 3])
    metric.update([7])
    assert metric.compute() == [3, 7]
    metric.reset()
    metric.update([5])
    assert metric.compute() == [5]
