import pytest
import torch

from metrics import (
    DrawingFacts,
    FactAttribute,
    FactComparison,
    ReadImage,
    ReconstructionFacts,
    confusion_matrix,
    marginal_distance,
)

COLOUR = FactAttribute("colour", ("red", "blue"))


class _Told(ReadImage):
    """A picture of which all is known: image `i` has i + 1 facts, of which `shared` are in the picture."""

    def __init__(self, shared: int, of_picture: int, true: str = "") -> None:
        self.shared, self.of_picture, self.true = shared, of_picture, true

    def is_true(self, caption: str) -> bool:
        return caption == self.true

    def compare(self, image_id: int) -> FactComparison:
        return FactComparison(self.shared, image_id + 1, self.of_picture, {})


PICTURES = [_Told(1, 1, "a"), _Told(1, 4, "b"), _Told(3, 3, "c")]  # of images 0, 1, 2
IDS = torch.arange(3)


def _found(metric: DrawingFacts) -> dict[str, float]:
    return {name: value.item() for name, value in metric.compute().items()}


def test_means_by_hand() -> None:
    metric = DrawingFacts()
    metric.update(PICTURES, IDS, ["a", "b", "b"])
    assert _found(metric) == {
        "drawing_truth": pytest.approx(2 / 3),
        "drawing_facts": pytest.approx((1 + 1 / 2 + 1) / 3),
        "drawing_facts_precision": pytest.approx((1 + 1 / 4 + 1) / 3),
        "drawing_exact": pytest.approx(2 / 3),
    }


def test_without_captions_nothing_is_told_of_their_truth() -> None:
    metric = ReconstructionFacts()
    metric.update(PICTURES, IDS)
    assert _found(metric).keys() == {
        "reconstruction_facts",
        "reconstruction_facts_precision",
        "reconstruction_exact",
    }


def test_a_picture_counts_once_and_several_of_an_image_by_their_places() -> None:
    metric = DrawingFacts()
    metric.update(PICTURES[:2], IDS[:2], ["a", "x"])
    metric.update(PICTURES[:1], IDS[:1], ["x"])  # as a sampler repeats it
    assert _found(metric)["drawing_truth"] == 0.5
    metric.update(PICTURES[:1], IDS[:1], ["x"], places_B=torch.tensor([1]))
    assert _found(metric)["drawing_truth"] == pytest.approx(1 / 3)


def test_nothing_to_share_is_no_fault() -> None:
    nothing = FactComparison(0, 0, 0, {})
    assert (nothing.recall, nothing.precision, nothing.is_exact) == (1.0, 1.0, True)
    assert FactComparison(0, 2, 0, {}).recall == 0


@pytest.mark.parametrize(("num_ids", "captions"), [(2, None), (3, ["a"])])
def test_what_does_not_fit_is_refused(num_ids: int, captions: list[str] | None) -> None:
    with pytest.raises(
        ValueError, match=rf"for each of 3 pictures, got {num_ids} ids and {len(captions or [])} captions"
    ):
        DrawingFacts().update(PICTURES, IDS[:num_ids], captions)


@pytest.mark.filterwarnings("ignore:.*was called before the ``update`` method")
def test_without_pictures_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="DrawingFacts has no image"):
        DrawingFacts().compute()


def test_confusions_by_hand() -> None:
    pairs = [("red", "red"), ("red", "blue"), ("blue", "none"), ("none", "red")]
    comparisons = [FactComparison(1, 3, 3, {"colour": pairs}), FactComparison(0, 0, 0, {"size": [("large", "small")]})]
    assert confusion_matrix(comparisons, COLOUR).tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert confusion_matrix([], COLOUR).tolist() == [[0] * 3] * 3


def test_distances_of_marginals_by_hand() -> None:
    def distance(*pairs: tuple[str, str]) -> float:
        return marginal_distance([FactComparison(0, 0, 0, {"colour": [pair]}) for pair in pairs], COLOUR)

    assert distance(("red", "blue"), ("blue", "red")) == 0  # whatever image each is of
    assert distance(("red", "red"), ("blue", "red")) == 0.5
    assert distance(("red", "blue"), ("red", "blue")) == 1
    assert distance(("red", "red"), ("blue", "none"), ("none", "blue")) == 0
    assert distance(("red", "none"), ("blue", "none")) == 1
    assert distance() == 0


def test_a_value_that_an_attribute_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="colour: expected one of red, blue, none, got 'green'"):
        confusion_matrix([FactComparison(0, 1, 1, {"colour": [("red", "green")]})], COLOUR)
