"""The torch dataset over a split."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.batch import CaptionSample, UnreadableImage
from datamodules.feature_part import FeatureTable
from datamodules.image_files.reading import BadImageError
from datamodules.sampler import SampleRequest
from datamodules.split import CaptionSplit
from datamodules.token_table import TokenIds, tokenize_or_load
from datamodules.tokenizers import CaptionTokenizer
from datamodules.transformed_view import Transform, apply_transform
from utils.seeding import seed_cpu

NO_PIXELS = torch.empty(3, 0, 0, dtype=torch.uint8)


class CaptionDataset(Dataset[CaptionSample | UnreadableImage]):
    """The images of a split, each with `captions_per_image` of its captions.

    Args:
        split: The images and captions.
        tokenizer: Turns captions into token ids; each caption is tokenized once, here.
        captions_per_image: How many captions of an image come with it, drawn at random without replacement; None for
            all of them, in order. An image with fewer captions gives all that it has.
        include_longest_caption: Whether the longest caption of an image, the first of those, is always among them.
        transform: Changes an image ([3, size, size], `uint8`) at random; None leaves it as it is.
        skip_bad_images: Whether an image that cannot be read is an `UnreadableImage`, and not an error.
        cache_dir: Where the token ids of very many captions are kept (see `tokenize_or_load`).

    Attributes:
        features: What a frozen encoder sees of each image, a table of each view, if that was computed before; one view
            comes with the image.
        weights_C: How much each caption of the split counts in training; None where they count alike.
        without_features: The numbers of images that could not be read when features were computed.
        with_images: Whether the image itself comes along; otherwise it has no pixels.
    """

    def __init__(
        self,
        split: CaptionSplit,
        tokenizer: CaptionTokenizer,
        captions_per_image: int | None = None,
        *,
        include_longest_caption: bool = False,
        transform: Transform | None = None,
        skip_bad_images: bool = False,
        cache_dir: Path | None = None,
    ) -> None:
        self.split = split
        self.captions_per_image = captions_per_image
        self.include_longest_caption = include_longest_caption
        self.transform = transform
        self.features: Sequence[FeatureTable] = ()
        self.weights_C: Tensor | None = None
        self.without_features: frozenset[int] = frozenset()
        self.skip_bad_images = skip_bad_images
        self.with_images = True
        self.tokens = tokenize_or_load(split.captions, tokenizer, cache_dir=cache_dir)

    def __len__(self) -> int:
        return len(self.split.image_ids)

    def __getitem__(self, index: int | SampleRequest) -> CaptionSample | UnreadableImage:
        """Return an image with its captions; what is drawn for a `SampleRequest` follows from its seed.

        Raises:
            BadImageError: The image cannot be read, and such images are not left out.
            ValueError: The transform changes the shape or type of the image.
        """
        if isinstance(index, SampleRequest):
            seed_cpu(index.seed)
            index = index.number
        try:
            return self._sample(index)
        except BadImageError as error:
            if not self.skip_bad_images:
                raise BadImageError(f"{error}, or leave such images out with data.on_bad_data=skip") from error
            return UnreadableImage(self.split.image_ids[index], str(error))

    def _sample(self, index: int) -> CaptionSample:
        if index in self.without_features:
            raise BadImageError(f"{self.split.image_names[index]}: could not be read when features were computed")
        captions = self.tokens[index]
        chosen = [*range(len(captions))]
        if self.captions_per_image is not None:
            chosen = self._draw(captions)[: self.captions_per_image]
        return CaptionSample(
            image_CHW=self._image(index) if self.with_images else NO_PIXELS,
            features_PD=self._draw_features(index) if self.features else None,
            captions=[captions[i] for i in chosen],
            image_id=self.split.image_ids[index],
            references=list(self.split.captions[index]),
            weights=self._weights(index, chosen),
        )

    def _image(self, index: int) -> Tensor:
        image = self.split.load_image(index)
        return image if self.transform is None else apply_transform(self.transform, image)

    def _weights(self, index: int, chosen: list[int]) -> Tensor | None:
        return None if self.weights_C is None else self.weights_C[self.tokens.captions_of(index)][chosen]

    def _draw_features(self, index: int) -> Tensor:
        view = int(torch.randint(len(self.features), ())) if len(self.features) > 1 else 0
        return torch.from_numpy(self.features[view][index].copy())

    def _draw(self, captions: Sequence[TokenIds]) -> list[int]:
        """Return the numbers of the captions in random order, the longest first where it has to come along."""
        order = torch.randperm(len(captions)).tolist()
        if self.include_longest_caption:
            longest = max(range(len(captions)), key=lambda i: len(captions[i]))
            order.sort(key=lambda i: i != longest)
        return order
