import pytest
import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import (
    EncodedBatch,
    encode_images,
    first_images,
    generate_all,
    generate_batch,
    image_loader,
    numbered,
    with_references,
)
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample


def test_encodes_the_first_images_in_order(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    assert [batch.numbers for batch in batches] == [[0, 1, 2, 3], [4, 5]]
    assert torch.equal(batches[1].images_BCHW[1], split.load_image(5))
    (alone,) = encode_images(captioner, split, num_images=1, batch_size=4)
    torch.testing.assert_close(alone.features_BPD[0], batches[0].features_BPD[0])


def test_what_an_image_draws_depends_on_the_seed_and_its_pixels_alone(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    sample = Sample(num=3, max_length=9)

    def captions_of(batch: EncodedBatch, seed: int = 5) -> list[str]:
        return numbered(batch, generate_batch(captioner, batch, split, sample, seed=seed))[0].generated.captions

    batch = batches[0]
    together = captions_of(batch)
    assert captions_of(batch.first(1)) == together
    assert captions_of(batch._replace(numbers=[5, 1, 2, 3])) == together
    assert captions_of(batch, seed=6) != together
    assert captions_of(batch._replace(images_BCHW=255 - batch.images_BCHW)) != together


def test_generates_captions_of_all_images_and_pairs_them_with_their_references(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    images = generate_all(captioner, batches, split, Sample(num=2, max_length=9), seed=0)
    assert [image.number for image in images] == [0, 1, 2, 3, 4, 5]
    generated = [image.generated for image in images]
    assert all(len(image.captions) == len(image.tokens_NL) == len(image.log_probabilities) == 2 for image in generated)
    assert captioner.tokenizer.decode_batch(generated[4].tokens_NL) == generated[4].captions
    paired = with_references(images, split)
    assert [image.image_id for image in paired] == list(split.image_ids)[:6]
    assert paired[3].candidates == generated[3].captions
    assert paired[3].references == list(split.captions[3])


@pytest.mark.parametrize("num_processes", [1, 2, 3, 5])
def test_processes_share_batches_that_are_the_same_on_any_number(split: CaptionSplit, num_processes: int) -> None:
    settings = {"num_images": 7, "batch_size": 2, "num_processes": num_processes}
    shares = [[*image_loader(split, rank=rank, **settings)] for rank in range(num_processes)]
    numbers = [batch.numbers_B.tolist() for share in shares for batch in share]
    assert sorted(numbers) == [[0, 1], [2, 3], [4, 5], [6]]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_first_images_are_cut_from_batches(batches: list[EncodedBatch]) -> None:
    assert [batch.numbers for batch in first_images(batches, 5)] == [[0, 1, 2, 3], [4]]
    assert [batch.numbers for batch in first_images(batches, 4)] == [[0, 1, 2, 3]]
    assert [batch.numbers for batch in first_images(batches, 99)] == [[0, 1, 2, 3], [4, 5]]
    assert [*first_images(batches, 0)] == []


def test_joined_batches_are_one(batches: list[EncodedBatch]) -> None:
    joined = EncodedBatch.joined(batches)
    assert joined.numbers == [0, 1, 2, 3, 4, 5]
    assert torch.equal(joined.images_BCHW[4:], batches[1].images_BCHW)
    assert torch.equal(joined.features_BPD[:4], batches[0].features_BPD)
