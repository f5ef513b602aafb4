import pytest

from datamodules.split import CaptionSplit
from evaluation.explained import explain_images
from evaluation.generate_split import EncodedBatch, generate_batch, numbered
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample
from lightning_modules.ranking import Likelihood


@pytest.mark.parametrize("ranker", [None, Likelihood()])
def test_the_first_captions_of_the_evaluation_are_explained(
    ranker: Likelihood | None, captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    strategy = Sample(num=4, max_length=8)
    shown = explain_images(captioner, batches[1], split, strategy, num_captions=2, seed=3, ranker=ranker)
    generated = generate_batch(captioner, batches[1], split, strategy, seed=3, ranker=ranker)
    assert [image.name for image in shown] == [str(split.image_names[number]) for number in batches[1].numbers]
    for image, expected in zip(shown, numbered(batches[1], generated), strict=True):
        assert [explained.caption for explained in image.captions] == expected.generated.captions[:2]
        for explained in image.captions:
            assert sum(word.log_probability for word in explained.words) == pytest.approx(
                explained.log_probability, rel=1e-4
            )
            assert all(word.attention_HW is not None for word in explained.words)
