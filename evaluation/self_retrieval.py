"""Whether captions find their image among the first images of a split, by how likely the model holds them.

Shape legend: B images, N captions, image by image, U distinct captions, L tokens, C captions read at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from evaluation.generate_split import EncodedBatch, NumberedCaptions
from lightning_modules import CaptioningModule
from metrics import self_retrieval
from utils.progress import progress_bar
from utils.seeding import generators_of_images, image_digests


class DistinctCaptions(NamedTuple):
    """The captions of all images, each once, for many repeat.

    Attributes:
        tokens_UL: Tokens after the prefix, padded.
        length_U: How many tokens each has.
        distinct_of_caption_N: Which of them each caption is.
        image_of_caption_N: The image of each caption, from 0.
    """

    tokens_UL: Tensor
    length_U: Tensor
    distinct_of_caption_N: Tensor
    image_of_caption_N: Tensor

    @classmethod
    def of(cls, generated: Sequence[NumberedCaptions], *, pad_id: int) -> "DistinctCaptions":
        """Gather the captions of images."""
        rows = [tokens_L for image in generated for tokens_L in image.generated.tokens_NL]
        tokens_NL = pad_sequence(rows, batch_first=True, padding_value=pad_id)
        tokens_UL, distinct_of_caption_N = tokens_NL.unique(dim=0, return_inverse=True)
        counts_B = torch.tensor([len(image.generated.captions) for image in generated])
        image_of_caption_N = torch.arange(len(generated)).repeat_interleave(counts_B)
        return cls(tokens_UL, tokens_UL.not_equal(pad_id).sum(dim=1), distinct_of_caption_N, image_of_caption_N)

    def by_length(self, num: int) -> Iterator[Tensor]:
        """Yield the rows of `num` distinct captions at once, the shortest first, so that little is padded."""
        yield from self.length_U.argsort(stable=True).split(num)


def measure_self_retrieval(
    captioner: CaptioningModule,
    batches: Iterable[EncodedBatch],
    generated: Sequence[NumberedCaptions],
    *,
    num_samples: int,
    batch_size: int,
    seed: int,
) -> dict[str, float]:
    """Return `self-retrieval/…`: see `metrics.self_retrieval`, by log P(caption | image).

    Args:
        captioner: The captioner; it tells likelihoods.
        batches: The images, encoded.
        generated: Their captions, in the same order.
        num_samples: Latents of each image that the likelihood is averaged over.
        batch_size: Captions, each given one sample of an image's latents, that are read at once.
        seed: Of the latents, which depend on it and on the image's pixels alone.
    """
    captions = DistinctCaptions.of(generated, pad_id=captioner.tokenizer.vocabulary.pad_id)
    total = len(captions.tokens_UL) * len(generated)
    with progress_bar(total=total, desc="self-retrieval", unit="pair", unit_scale=True) as progress:
        columns = []
        for batch in batches:
            at_once = max(batch_size // (num_samples * len(batch.numbers)), 1)
            columns.append(_likelihoods(captioner, batch, captions, num_samples, at_once, seed))
            progress.update(columns[-1].numel())
    score_NB = torch.cat(columns, dim=1)[captions.distinct_of_caption_N]
    results = self_retrieval(score_NB.numpy(), captions.image_of_caption_N.numpy())
    return {f"self-retrieval/{name}": value for name, value in results.items()}


def _likelihoods(
    captioner: CaptioningModule,
    batch: EncodedBatch,
    captions: DistinctCaptions,
    num_samples: int,
    at_once: int,
    seed: int,
) -> Tensor:
    """Return log P(caption | image) of all distinct captions given the images of a batch: [U, B], on the CPU."""
    digests = image_digests(batch.images_BCHW)
    score_UB = torch.empty(len(captions.tokens_UL), len(digests))
    for rows_C in captions.by_length(at_once):
        tokens_CL = captions.tokens_UL[rows_C, : int(captions.length_U[rows_C].max())].to(captioner.device)
        # New generators each time: all captions are judged by the same latents
        generators = generators_of_images(seed, digests, "likelihood")
        score_UB[rows_C] = captioner.log_likelihood(batch.features_BPD, tokens_CL, num_samples, generators).cpu()
    return score_UB
