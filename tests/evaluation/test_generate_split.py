import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import (
    EncodedBatch,
    encoded_batches,
    first_images,
    generate_all,
    generate_batch,
    with_references,
)
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample


def test_encodes_the_first_images_in_order(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    assert [batch.numbers for batch in batches] == [[0, 1, 2, 3], [4, 5]]
    assert torch.equal(batches[1].images_BCHW[1], split.load_image(5))
    (alone,) = encoded_batches(captioner, split, num_images=1, batch_size=4)
    torch.testing.assert_close(alone.features_BPD[0], batches[0].features_BPD[0])


def test_what_an_image_draws_depends_on_the_seed_and_its_id_alone(
    captioner: VariationalCaptioner, batches: list[EncodedBatch]
) -> None:
    ids = [70, 71, 72, 73]
    sample = Sample(num=3, max_length=9)
    together = generate_batch(captioner, batches[0], sample, ids=ids, seed=5)
    alone = generate_batch(captioner, batches[0].first(1), sample, ids=ids[:1], seed=5)
    assert alone[0].captions == together[0].captions
    assert generate_batch(captioner, batches[0], sample, ids=ids, seed=6)[0].captions != together[0].captions
    assert generate_batch(captioner, batches[0], sample, ids=[9, *ids[1:]], seed=5)[0].captions != together[0].captions


def test_says_all_images_and_pairs_them_with_their_references(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    by_batch = generate_all(captioner, batches, split, Sample(num=2, max_length=9), seed=0, num_images=6)
    generated = [image for _, images in by_batch for image in images]
    assert [image.number for image in generated] == [0, 1, 2, 3, 4, 5]
    assert all(len(image.captions) == len(image.tokens_NL) == len(image.log_probabilities) == 2 for image in generated)
    assert captioner.tokenizer.decode_batch(generated[4].tokens_NL) == generated[4].captions
    paired = with_references(generated, split)
    assert [image.image_id for image in paired] == list(split.image_ids)[:6]
    assert paired[3].candidates == generated[3].captions
    assert paired[3].references == list(split.captions[3])


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
