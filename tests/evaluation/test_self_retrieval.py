"""Self-retrieval against likelihoods that are computed one by one, word by word."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, NumberedCaptions, generate_all
from evaluation.self_retrieval import DistinctCaptions, measure_self_retrieval
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Sample
from metrics import self_retrieval
from utils.seeding import generators_of_images, image_digests

NUM_SAMPLES, SEED = 3, 11


@pytest.fixture(scope="module")
def generated(
    captioner: VariationalCaptioner, batches: list[EncodedBatch], split: CaptionSplit
) -> list[NumberedCaptions]:
    return generate_all(captioner, batches, split, Sample(num=2, temperature=0.3, max_length=5), seed=0)


def _word_by_word(captioner: VariationalCaptioner, image: EncodedBatch, tokens_L: Tensor) -> float:
    """Return log P(caption | image) of one caption: its words are fed one at a time, sample by sample."""
    network, vocabulary = captioner.network, captioner.tokenizer.vocabulary
    generators = generators_of_images(SEED, image_digests(image.images_BCHW), "likelihood")
    image_of_sample = torch.zeros(NUM_SAMPLES, dtype=torch.long)
    with torch.no_grad():
        latents = network.latents(image.features_BPD, image_of_sample, _Sampled(generators), _Sampled(generators))
        state, token_K, nats_K = network.start(latents), vocabulary.prefix[-1], torch.zeros(NUM_SAMPLES)
        for token in tokens_L.tolist():
            if token == vocabulary.pad_id:
                break
            logits_KV, state = network.step(torch.full((NUM_SAMPLES,), token_K), state)
            nats_K = nats_K + logits_KV.log_softmax(dim=-1)[:, token]
            token_K = token
    return math.log(nats_K.double().exp().mean().item())


class _Sampled:
    """The posterior's mean and standard deviation times noise."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = generators

    def __call__(self, posterior: object, prior: object) -> Tensor:
        mean, log_variance = posterior.mean, posterior.log_variance  # type: ignore[attr-defined]
        return mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=self.generators[0])


def test_is_the_retrieval_by_likelihoods_that_are_computed_one_by_one(
    captioner: VariationalCaptioner, batches: list[EncodedBatch], generated: list[NumberedCaptions]
) -> None:
    images = [EncodedBatch.joined(batches)]
    alone = [
        EncodedBatch([i], batch.images_BCHW[i : i + 1], batch.features_BPD[i : i + 1])
        for batch in images
        for i in range(6)
    ]
    rows = [tokens_L for image in generated for tokens_L in image.generated.tokens_NL]
    score_NB = torch.tensor([[_word_by_word(captioner, image, tokens_L) for image in alone] for tokens_L in rows])
    expected = self_retrieval(score_NB.numpy(), torch.arange(6).repeat_interleave(2).numpy())
    # batches of any size, down to one caption at once
    for of_images, batch_size in ((batches, 512), (images, 1), (alone, 7)):
        found = measure_self_retrieval(
            captioner, of_images, generated, num_samples=NUM_SAMPLES, batch_size=batch_size, seed=SEED
        )
        assert found == pytest.approx({f"self-retrieval/{name}": value for name, value in expected.items()})
    assert 0 < expected["recall@5"] < 1


def test_likelihoods_are_those_of_single_captions(
    captioner: VariationalCaptioner, batches: list[EncodedBatch], generated: list[NumberedCaptions]
) -> None:
    batch, tokens_NL = batches[0], generated[4].generated.tokens_NL
    generators = generators_of_images(SEED, image_digests(batch.images_BCHW), "likelihood")
    found_NB = captioner.log_likelihood(batch.features_BPD, tokens_NL, NUM_SAMPLES, generators)
    for i in range(4):
        alone = EncodedBatch([i], batch.images_BCHW[i : i + 1], batch.features_BPD[i : i + 1])
        expected_N = [_word_by_word(captioner, alone, tokens_L) for tokens_L in tokens_NL]
        assert found_NB[:, i].tolist() == pytest.approx(expected_N, rel=1e-4)


def test_captions_that_repeat_are_read_once(generated: list[NumberedCaptions], captioner: VariationalCaptioner) -> None:
    pad_id = captioner.tokenizer.vocabulary.pad_id
    captions = DistinctCaptions.of([*generated, *generated], pad_id=pad_id)
    texts = [text for image in generated for text in image.generated.captions]
    assert len(captions.tokens_UL) <= len(texts) < len(captions.image_of_caption_N) == 2 * len(texts)
    again = captioner.tokenizer.decode_batch(captions.tokens_UL[captions.distinct_of_caption_N])
    assert again == [*texts, *texts]
    rows = torch.cat([*captions.by_length(3)])
    assert sorted(rows.tolist()) == [*range(len(captions.tokens_UL))]
    assert captions.length_U[rows].tolist() == sorted(captions.length_U.tolist())
